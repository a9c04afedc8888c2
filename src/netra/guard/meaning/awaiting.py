"""What `await` and `with … as` give of a value."""

from netra.guard.meaning.questions import Questions
from netra.guard.values import AwaitableOf, ContextOf, CoroutineOf, Either, Instance, Routine, Value, agreed


def awaited(value: Value | None, receivers: Questions) -> Value | None:
    """What `await` gives of a value."""
    match value:
        case CoroutineOf(result=result) | AwaitableOf(result=result):
            return result
        case Instance(kind=kind, of=(item, *_)) if "__await__" in kind.methods:
            return item
        case Instance(kind=kind) if kind.module.model and isinstance(late := receivers.of_class(kind, "__await__"), Routine):
            return receivers.outcome(late)  # a channel or connection that is opened by `await`, and may be entered as well
        case Either(options=options):
            return agreed([awaited(each, receivers) for each in options])
    return None


def entered(value: Value | None, receivers: Questions, *, late: bool) -> Value | None:
    """What `with … as` (`async with … as` when late) binds."""
    match value:
        case ContextOf(item=item):
            return item
        case AwaitableOf(result=result, context=True) if late:
            return result
        case Instance():
            method = receivers.attribute(value, "__aenter__" if late else "__enter__")
            if isinstance(method, Routine):
                given = receivers.outcome(method)
                return awaited(given, receivers) if late else given
        case Either(options=options):
            # The others cannot be entered in this way, so it is none of them.
            way = "__aenter__" if late else "__enter__"
            able = [each for each in options if isinstance(receivers.attribute(each, way), Routine)]
            return agreed([entered(each, receivers, late=late) for each in able]) if able else None
    return None
