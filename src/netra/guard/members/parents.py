"""The bases of classes that are not of the program: which a class has, and what each gives to those below it."""

import builtins
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.members.tables import BESIDE, MAPPED, OF_TABLES, declarative_parent
from netra.guard.symbols import ClassSymbol, External

# Members that a class gets from bases outside the program, by their names in full.
OF_ENUMS: Final = frozenset("name value _name_ _value_ _missing_ _generate_next_value_ _ignore_ _order_ _sort_order_".split())
OF_MODELS: Final = frozenset(
    """model_config model_fields model_computed_fields model_extra model_fields_set model_construct model_copy model_dump
    model_dump_json model_json_schema model_parametrized_name model_post_init model_rebuild model_validate model_validate_json
    model_validate_strings dict json parse_obj parse_raw parse_file from_orm construct copy schema schema_json validate
    update_forward_refs Config __fields__ __fields_set__ __pydantic_fields__ __pydantic_extra__ __pydantic_private__
    __pydantic_fields_set__ __pydantic_validator__ __pydantic_serializer__ __pydantic_core_schema__ __signature__
    __private_attributes__ __class_vars__ __pydantic_decorators__ __pydantic_complete__ __rich_repr__ __repr_args__
    __repr_name__ __repr_str__ __pretty__ __iter__ __copy__ __deepcopy__ __pydantic_generic_metadata__
    __get_pydantic_core_schema__ __get_pydantic_json_schema__ __get_validators__ __modify_schema__ __validators__
    __config__ __pydantic_extra__ __pydantic_model__ __pydantic_init_subclass__""".split()
)
OF_NAMED_TUPLES: Final = frozenset(dir(tuple)) | {"_replace", "_asdict", "_fields", "_make", "_field_defaults"}
OF_ABSTRACT: Final = frozenset({"register", "_abc_registry_clear", "_abc_caches_clear", "_dump_registry"})
OUTSIDE: Final[dict[str, frozenset[str]]] = {
    **{f"{module}.{name}": frozenset() for module in ("typing", "typing_extensions") for name in ("Generic", "Protocol")},
    **{f"{module}.NamedTuple": OF_NAMED_TUPLES for module in ("typing", "typing_extensions")},
    **{f"{module}.TypedDict": frozenset(dir(dict)) for module in ("typing", "typing_extensions")},
    "abc.ABC": frozenset(),
    "enum.Enum": OF_ENUMS,
    "enum.Flag": OF_ENUMS,
    "enum.IntEnum": OF_ENUMS | frozenset(dir(int)),
    "enum.IntFlag": OF_ENUMS | frozenset(dir(int)),
    "enum.StrEnum": OF_ENUMS | frozenset(dir(str)),
    "pydantic.BaseModel": OF_MODELS,
    "pydantic.main.BaseModel": OF_MODELS,
    **{
        name: OF_MODELS | {"settings_customise_sources"}
        for name in ("pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings", "pydantic.BaseSettings")
    },
    **{
        name: OF_MODELS | OF_TABLES | {"sqlmodel_update", "__sqlmodel_relationships__"}
        for name in ("sqlmodel.SQLModel", "sqlmodel.main.SQLModel")
    },
    "strawberry.fastapi.BaseContext": frozenset({"request", "response", "background_tasks", "connection_params"}),
    **MAPPED,
    **BESIDE,
}
ENUMS: Final = frozenset(name for name in OUTSIDE if name.startswith("enum."))
SETTINGS: Final = frozenset(name for name in OUTSIDE if name.endswith(".BaseSettings"))
MODELS: Final = frozenset(name for name in OUTSIDE if name.startswith("pydantic.")) - SETTINGS
# Models that may be tables: nothing is said of a field that they do not have, and as a table, of one that they lack neither.
SQL_MODELS: Final = frozenset(name for name in OUTSIDE if name.startswith("sqlmodel."))
TYPED: Final = frozenset({"typing.TypedDict", "typing_extensions.TypedDict"})
PROTOCOLS: Final = frozenset({"typing.Protocol", "typing_extensions.Protocol"})


class Parents:
    """Answers about the bases of classes, each worked out once; use `analysis.once(Parents)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._outside: dict[ClassSymbol, list[str]] = {}
        self._above: dict[tuple[ClassSymbol, frozenset[str]], bool] = {}
        self._protocols: dict[ClassSymbol, bool] = {}

    def outside(self, kind: ClassSymbol) -> list[str]:
        """The bases of the class that are not of the program, by their names in full; empty for one that is not understood."""
        if kind not in self._outside:
            self._outside[kind] = self._find_outside(kind)
        return self._outside[kind]

    def _find_outside(self, kind: ClassSymbol) -> list[str]:
        found = []
        around = kind.module.function(kind.facts.scope)
        for base in kind.facts.bases:
            match self._program.base(base, kind):
                case ClassSymbol():
                    continue
                case External(dotted=name):
                    found.append(name)
                case _:
                    found.append(declarative_parent(base, around, self._program))
        return found

    def is_protocol(self, kind: ClassSymbol) -> bool:
        """The class only says what others have. One below it that does not say `Protocol` again is a class like any other."""
        found = self._protocols.get(kind)
        if found is None:
            found = self._protocols[kind] = not PROTOCOLS.isdisjoint(self.outside(kind))
        return found

    def above(self, kind: ClassSymbol, names: frozenset[str]) -> bool:
        """Some class above, or the class itself, has one of these bases outside the program."""
        if (found := self._above.get((kind, names))) is None:
            found = any(not names.isdisjoint(self.outside(each)) for each in self._program.order(kind)[0])
            self._above[kind, names] = found
        return found


def given_by(name: str) -> frozenset[str] | None:
    """What a base outside the program gives, by its name in full; None when that is not known."""
    if name in OUTSIDE:
        return OUTSIDE[name]
    module, _, builtin = name.rpartition(".")
    kind = getattr(builtins, builtin, None) if module == "builtins" and builtin != "type" else None
    return frozenset(dir(kind)) if isinstance(kind, type) else None
