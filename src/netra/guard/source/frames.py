"""A function, class body or module while it is read: what its facts will hold, still growing."""

from netra.guard.facts import (
    Assignment,
    AttributeRead,
    Block,
    CallSite,
    Decorator,
    Expression,
    Function,
    Import,
    Mention,
    Parameter,
    Returned,
    Use,
)
from netra.guard.source.scoping import BareUse, ScopeNames


class Frame:
    """The function that is being read: what `Function` will hold, still growing."""

    def __init__(
        self, index: int, name: str, qualified: str, sort: str, parent: int, owner: int, around: "Frame | None" = None
    ) -> None:
        self.around = around
        self.index, self.name, self.qualified, self.sort, self.parent, self.owner = index, name, qualified, sort, parent, owner
        self.calls: list[CallSite | None] = []
        self.assignments: list[Assignment] = []
        self.uses: list[BareUse] = []
        self.returned: list[Returned] = []
        self.blocks: list[Block] = []
        self.imports: list[Import] = []
        self.awaits: list[tuple[Expression, int, int, int]] = []
        self.asserts: list[tuple[Expression, int]] = []
        self.globals: list[str] = []
        self.mentions: list[Mention] = []
        self.raises: list[int] = []
        self.reads: list[AttributeRead] = []
        self.names = ScopeNames(index, sort, parent)
        self.jumps: list[tuple[str, int]] = []
        self.unreached: list[tuple[int, int]] = []
        self.cases: list[tuple[int, Expression, tuple[Expression, ...], bool, int, int]] = []
        self.joined: list[tuple[int, int, Expression, str]] = []
        self.endings: dict[int, int] = {}
        """What becomes of the way through each list of statements, by its identity."""

    def finished(
        self,
        line: int,
        column: int,
        end_line: int,
        decorators: tuple[Decorator, ...],
        parameters: tuple[Parameter, ...],
        returns: Expression | None,
        *,
        abstract: bool,
        examples: bool,
        falls: bool = False,
    ) -> Function:
        self.names.close(self.uses, parameters, self.globals, self.blocks)
        # Uses are kept of names whose value may be a coroutine: parameters, and what is assigned. The rest is bulk.
        kept = {parameter.name for parameter in parameters}
        for each in self.assignments:
            if each.target[0] == "name" and each.value[0] not in ("string", "constant", "none", "dict", "list", "set"):
                kept.add(each.target[1])
        return Function(
            self.index,
            self.name,
            self.qualified,
            self.sort,
            self.parent,
            self.owner,
            line,
            column,
            end_line,
            decorators,
            parameters,
            returns,
            tuple([call for call in self.calls if call is not None]),
            tuple(self.assignments),
            tuple([Use(*use) for use in self.uses if use[0] in kept or use[0].startswith("self.")]),
            tuple(self.returned),
            tuple(self.blocks),
            tuple(self.imports),
            tuple(self.awaits),
            tuple(self.asserts),
            tuple(self.globals),
            tuple(sorted({use[0] for use in self.uses if "." not in use[0]})),
            abstract,
            examples,
            tuple(self.mentions),
            tuple(self.raises),
            falls,
            tuple(self.reads),
            tuple(self.jumps),
            tuple(self.unreached),
            tuple(self.cases),
            tuple(self.joined),
        )
