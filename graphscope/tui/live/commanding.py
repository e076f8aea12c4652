"""The commanding half of the live UI: what the debugger's keys do."""

from time import monotonic
from typing import Final

from graphscope.debugger.verbs import MOVING, Command, Verb
from graphscope.tui.live.dialogs import Asking, Choice, Option, Report
from graphscope.tui.live.known_names import find_mistake, known_names
from graphscope.tui.live.link import ChildLike, SessionSource
from graphscope.tui.live.outcome import Outcome
from graphscope.tui.live.roster import Process
from graphscope.tui.live.seat_view import SeatView
from graphscope.tui.live.switchboard import Answered
from graphscope.tui.live.watching import WatchingApp

_TWICE_S: Final = 3.0
_PLACES: Final = "b   fc1.weight   layers.*   train.py:41   MulBackward0   backward"
_HINT: Final = f"A place, a condition, or both: {_PLACES}, as in: b if grad.l2 > 1e3"
_STILL_RUNS: Final = "The training is not over."


class CommandingApp(WatchingApp, inherit_bindings=False):
    """Sends commands; abstract.

    Attributes:
        outcome: How the user left it.
    """

    def __init__(
        self, source: SessionSource, *, title: str, child: ChildLike | None
    ) -> None:
        super().__init__(source, title=title, child=child)
        self.outcome = Outcome.ENDED
        self._interrupted_at = float("-inf")

    @property
    def is_waiting(self) -> bool:
        """Whether something is still to be shown, or an answer to come."""
        return self.switchboard.is_waiting or super().is_waiting

    # --- sending

    def command(self, verb: Verb, text: str = "", then: Answered | None = None) -> None:
        """Ask for something for the thread on the screen."""
        seat = self.roster.current
        process = self._process_to_command(seat)
        if process is None or seat is None:
            return
        if verb in MOVING:
            self._interrupted_at = float("-inf")  # the next ctrl+c pauses again
            if not seat.is_at_now:
                self.go_now()
        self._send(process, Command(verb, seat=seat.state.seat, text=text), then)

    def command_process(self, command: Command, then: Answered | None = None) -> None:
        """Ask for something that concerns the whole process on the screen."""
        process = self._process_to_command(self.roster.current)
        if process is not None:
            self._send(process, command, then)

    def _process_to_command(self, seat: SeatView | None) -> Process | None:
        """Return the process on the screen, or say why it takes no command."""
        process = self.roster.process
        if seat is None or process is None:
            self.say("The script has not begun to record yet.")
        elif process.is_over:
            self.say("The training has ended: nothing is left to run.")
        elif process.lost:
            self.say("The connection is lost; what was recorded can be looked at.")
        else:
            return process
        return None

    def _send(self, process: Process, command: Command, then: Answered | None) -> None:
        if not self.switchboard.send(process.key, command, then or self._hear_answer):
            self.say("The connection is lost; what was recorded can be looked at.")

    def _hear_answer(self, text: str, is_refusal: bool) -> None:  # noqa: FBT001
        if is_refusal:
            self.say(text, is_error=True)

    def _send_to_all(self, verb: Verb, then: Answered | None = None) -> int:
        """Ask every process; return how many were asked."""
        return sum(
            self.switchboard.send(key, Command(verb), then or self._hear_answer)
            for key, process in self.roster.processes.items()
            if not process.is_over
        )

    # --- actions, named in `keys.py`

    def action_verb(self, name: str) -> None:
        self.command(Verb(name))

    def action_continue_all(self) -> None:
        if not self._send_to_all(Verb.CONTINUE):
            self.say("Nothing runs any more.")

    def action_go_now(self) -> None:
        self.go_now()

    def action_interrupt(self) -> None:
        before, self._interrupted_at = self._interrupted_at, monotonic()
        if self.screen.is_modal:
            return  # it asks already
        if self.roster.is_over:
            self.say("The training has ended; q closes this.")
        elif self._interrupted_at - before < _TWICE_S:
            self.action_ask_stop()
        else:
            runs = any(not (s.is_paused or s.is_over) for s in self.roster.seats)
            if runs:
                self._send_to_all(Verb.PAUSE)
            word = "Pausing." if runs else "It is paused."
            self.say(f"{word} Press ctrl+c again to stop the training.")

    def action_ask_until(self) -> None:
        self.ask_place("run until", Verb.RUN_UNTIL)

    def ask_place(self, title: str, verb: Verb, default: str = "") -> None:
        """Ask for a breakpoint's text; the debugged process says whether it is one.

        A name that no step has had so far is told here, and taken when asked twice: it
        may come later.
        """
        warned = ""

        def submit(text: str, report: Report) -> None:
            nonlocal warned
            problem = find_mistake(text, known_names(self.session.feed))
            if problem and text != warned:
                warned = text
                report(problem)
                return

            def hear(answer: str, is_refusal: bool) -> None:  # noqa: FBT001
                report(answer if is_refusal else "")

            if verb is Verb.ADD:
                self.add_breakpoint(text, hear)
            else:
                self.command(verb, text, hear)

        self.push_screen(Asking(title, default=default, hint=_HINT, submit=submit))

    def add_breakpoint(self, text: str, then: Answered) -> None:
        """Add a breakpoint to the process on the screen, and then to the others."""

        def hear(answer: str, is_refusal: bool) -> None:  # noqa: FBT001
            then(answer, is_refusal)
            here = self.roster.process
            for key, process in self.roster.processes.items():
                if not is_refusal and process is not here and not process.is_over:
                    command = Command(Verb.ADD, text=text)
                    self.switchboard.send(key, command, self._hear_answer)

        self.command_process(Command(Verb.ADD, text=text), hear)

    def change_breakpoint(self, verb: Verb, text: str) -> None:
        """Switch or remove a breakpoint in all processes, which number it differently.

        Only in those that take commands and have it.
        """
        if self._process_to_command(self.roster.current) is None:
            return
        for process in self.roster.processes.values():
            for state in process.state.breakpoints:
                if state.text == text and not process.is_over:
                    self._send(process, Command(verb, number=state.number), None)

    def action_ask_stop(self) -> None:
        if self.roster.is_over:
            self.say("The training has ended already.")
            return

        def stop(answer: str | None) -> None:
            if answer == "y":
                self._stop()

        text = "Stop the training? What was recorded so far stays."
        self.push_screen(Choice("stop", text, [Option("y", "yes, stop it")]), stop)

    def _stop(self) -> None:
        if not self._send_to_all(Verb.STOP):
            self._leave(Outcome.STOPPED)

    def action_detach(self) -> None:
        if self.roster.is_over:
            self._leave(Outcome.ENDED)
            return
        self._send_and_leave(Verb.DETACH, Outcome.DETACHED)

    async def action_quit(self) -> None:
        if self.roster.is_over:
            self._leave(Outcome.ENDED)
            return
        processes = self.roster.processes.values()
        if processes and not any(p.is_controller for p in processes):
            self._leave(Outcome.LEFT)
            return

        def leave(answer: str | None) -> None:
            if answer == "d":
                self.action_detach()
            elif answer == "s":
                self._send_and_leave(Verb.STOP, Outcome.STOPPED)

        options = [
            Option("d", "detach: it goes on without a debugger"),
            Option("s", "stop it"),
        ]
        self.push_screen(Choice("quit", _STILL_RUNS, options), leave)

    def _send_and_leave(self, verb: Verb, outcome: Outcome) -> None:
        def leave(text: str, is_refusal: bool) -> None:  # noqa: FBT001
            del text, is_refusal
            self._leave(outcome)

        if not self._send_to_all(verb, leave):
            self._leave(outcome)

    def _leave(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.exit()

    # --- threads and processes

    def action_seat(self, number: int) -> None:
        if self.roster.choose(number):
            self.show_seat()
        else:
            self.say(f"There is no thread {number + 1}.")

    def action_next_seat(self) -> None:
        if len(self.roster.seats) > 1:
            self.roster.choose_next()
            self.show_seat()
        else:
            self.say("There is one recorded thread only.")
