import io

from rich.console import Console

from netra.prove.output.terminal import LiveView, show
from netra.prove.verdict import judge
from tests.prove.histories import Told


def shown(history: Told, **options: object) -> str:
    console = Console(file=io.StringIO(), width=120, record=True)
    show(console, judge(history.records), history, ())
    return console.export_text()


def test_witnesses_are_told_and_the_many_are_counted() -> None:
    history = Told()
    for user in range(9):
        history.event(user, 1).event(user, 1)
    text = shown(history)
    assert "received event 1 of thread t again" in text
    assert "order: and 4 more" in text
    assert text.rstrip().endswith("Breach: a promise was broken.")


def test_what_is_not_applicable_is_told_and_not_counted_as_held() -> None:
    text = shown(Told().target("resume"))
    assert "not applicable: no plans, no tools" in text
    assert "Not judged, because this server cannot do what it takes: access, durability," in text


def test_a_doubt_is_told() -> None:
    assert "In doubt: nothing was seen to happen" in shown(Told())


def test_the_live_view_counts_what_it_hears() -> None:
    view, history = LiveView(5, 10), Told()
    history.listening = view.hear
    history.done("read_log", 1).event(1, 1)
    history.see("fault", "readers-cut", began=True)
    view.enter("attacking")
    view.come(5)
    console = Console(file=io.StringIO(), width=160, record=True)
    console.print(view.render())
    text = console.export_text()
    assert "1 done" in text
    assert "1 events" in text
    assert "readers-cut: …" in text
    assert "50 %" in text
