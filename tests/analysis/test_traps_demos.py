"""Of the lectures' examples only those that fall into a trap are said to."""

import pytest

from graphscope.analysis.findings import find_all
from graphscope.lectures.catalog import TOPICS, demos_folder, read_topics
from graphscope.lectures.running import trace_example

EXPECTED = {
    "d4-boston-forward": ["zero-feature"],  # of the rows shown none is at the river
    "41-abs-sqrt-neg": ["inf"],  # it shows the slope of the root at 0
    "41-linreg-4samples": ["swapped-arguments"],  # loss_fn(y, y_pred), as printed
    "d4-house-csv-header-nan": ["nan-input"],
    "d4-softmax-label-range": ["labels-out-of-range"],
    "ee-multiclass-scores": ["argmax-on-column"],
    "ee-double-softmax": ["softmax-twice", "softmax-twice"],
    "x-softmax-layer": ["softmax-twice"],
    "ee-mlp-relu-out": ["dead-relu"],
    "35-retain-graph": ["second-backward"],
    "41-scalar-only-error": ["not-scalar"],
    "x-detach-wall": ["none-grad"],
    "35-saturation": ["saturated-sigmoid"],
    "x-exploding-lr": ["learning-rate-too-large"],
    "x-swapped-loss": ["swapped-arguments"],
    "x-missing-zero-grad": ["missing-zero-grad"],
}


@pytest.mark.parametrize("topic", TOPICS)
def test_the_examples_of_a_topic_have_the_traps_that_they_are_about(topic: str) -> None:
    (found,) = (t for t in read_topics(demos_folder()) if t.name == topic)
    kinds = {
        example.id: [
            finding.kind for finding in find_all(trace_example(example).steps.recording)
        ]
        for example in found.examples
    }
    names = set(kinds)
    assert {name: kind for name, kind in kinds.items() if kind} == {
        name: kind for name, kind in EXPECTED.items() if name in names
    }


def test_all_examples_that_are_expected_to_have_traps_exist() -> None:
    topics = read_topics(demos_folder())
    known = {example.id for topic in topics for example in topic.examples}
    assert set(EXPECTED) <= known
