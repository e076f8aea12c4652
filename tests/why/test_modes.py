"""Training and evaluation mode: what is said of a model in the wrong one."""

from tests.why.programs import run_case


def test_a_validation_that_does_not_switch_back_is_told_with_its_line() -> None:
    finding = run_case("trap_eval_never_undone").only("eval-mode-training")

    assert finding.explanation == (
        "From step 1 on the model is trained in evaluation mode, and was in training "
        "mode before: `model.eval()` (trap_eval_never_undone.py:20) was not undone. "
        "So `bn` and `drop` do what they do in evaluation: dropout drops nothing and "
        "batch normalisation uses the running statistics and no longer updates them."
    )
    assert finding.remedy == (
        "Switch back with `model.train()` before the training goes on "
        "(trap_eval_never_undone.py:32)."
    )


def test_no_grad_is_not_evaluation_mode() -> None:
    finding = run_case("trap_evaluation_in_train_mode").only("train-mode-evaluation")

    assert finding.explanation == (
        "The call (trap_evaluation_in_train_mode.py:20) computes no gradient, and what "
        "comes of it is only read, so it is an evaluation; but `1` "
        "(trap_evaluation_in_train_mode.py:20) is in training mode there: batch "
        "normalisation uses the statistics of this batch and mixes them into its "
        "running ones."
    )


def test_a_dropout_function_does_not_know_the_mode_of_its_module() -> None:
    finding = run_case("trap_functional_dropout").only("train-mode-evaluation")

    assert finding.explanation == (
        "`F.dropout(h, 0.5)` (trap_functional_dropout.py:16) drops numbers at random "
        "in evaluation mode too: the model is in evaluation mode, but the function "
        "does not know of it, and its `training` is True unless it is told."
    )
    assert finding.remedy == (
        "Write `training=self.training` in the call, or use `nn.Dropout`."
    )


def test_a_last_batch_of_one_sample_is_told_instead_of_a_mismatch() -> None:
    finding = run_case("trap_last_batch_of_one").only("one-sample-batch-norm")

    assert finding.explanation == (
        "The layer `1` (trap_last_batch_of_one.py:13) normalises with mean and "
        "variance of the batch, and its input, the result of linear in `0` f32[1, 8], "
        "has one value for each channel: their variance is 0, so torch refuses."
    )
    assert finding.numbers == (("samples in the batch", 1.0),)
