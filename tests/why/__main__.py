"""Print how much is found: `python -m tests.why`."""

from tests.why.programs import (
    QUESTIONS,
    case_names,
    expected,
    found,
    question_of,
    run_case,
)


def main() -> None:
    """Run all programs; print a row for each question, and what went wrong."""
    wrong = []
    print(f"{'question':<40} programs  found  missed  false alarms")  # noqa: T201
    for question, title in QUESTIONS.items():
        names = [name for name in case_names() if question_of(name) == question]
        hits = misses = alarms = 0
        for name in names:
            told, due = found(run_case(name)), expected(name)
            hits += len(told & due)
            misses += len(due - told)
            alarms += len(told - due)
            wrong += [f"{name}: missed {one}" for one in sorted(due - told)]
            wrong += [f"{name}: false alarm {one}" for one in sorted(told - due)]
        print(f"{title:<40} {len(names):>8} {hits:>6} {misses:>7} {alarms:>13}")  # noqa: T201
    print("\n".join(wrong))  # noqa: T201


if __name__ == "__main__":
    main()
