"""Requests of web frameworks: what each of them has under which name, and who asks one for what only another's has.

from flask import request
request.remote

What a request has is written down here of every release that is in use, and generously. Told is nothing that no framework
has: a plug-in may well put `request.tenant` there. Who asks for a name of another framework has come from there.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol, VariableSymbol

_FLASK: Final = """
    accept_charsets accept_encodings accept_languages accept_mimetypes access_control_request_headers
    access_control_request_method access_route application args authorization base_url blueprint blueprints
    cache_control charset close content_encoding content_length content_md5 content_type cookies data date
    dict_storage_class disable_data_descriptor encoding encoding_errors endpoint environ files form
    form_data_parser_class from_values full_path get_data get_json headers host host_url if_match if_modified_since
    if_none_match if_range if_unmodified_since input_stream is_json is_multiprocess is_multithread is_run_once
    is_secure is_xhr json json_module list_storage_class make_form_data_parser max_content_length max_form_memory_size
    max_form_parts max_forwards method mimetype mimetype_params module on_json_loading_failed origin
    parameter_storage_class path pragma query_string range referrer remote_addr remote_user root_path root_url
    routing_exception scheme script_root server shallow stream trusted_hosts trust_x_headers url url_charset
    url_encoding_errors url_root url_rule user_agent user_agent_class values view_args want_form_data_parsed
"""
_STARLETTE: Final = """
    app auth base_url body client close cookies form get headers is_disconnected items json keys method path_params
    query_params receive scope send_early_hints send_push_promise session state stream url url_for user values
"""
_AIOHTTP: Final = """
    rel_url url host path path_qs raw_path query query_string headers raw_headers if_modified_since
    if_unmodified_since if_none_match if_match if_range keep_alive cookies http_range content has_body can_read_body
    body_exists read text json multipart post release clone match_info app config_dict version method remote scheme
    secure forwarded transport protocol loop message task writer client_max_size content_type charset content_length
    payload_writer get pop popitem update items keys values setdefault clear get_extra_info POST GET
    wait_for_disconnection eof finish
"""
_DJANGO: Final = """GET POST COOKIES META FILES path_info get_full_path get_full_path_info get_host get_port get_raw_uri
    get_signed_cookie build_absolute_uri is_ajax resolver_match upload_handlers content_params"""


class _Framework(NamedTuple):
    """A framework: where its request comes from, by the names in full, and what it has."""

    name: str
    objects: frozenset[str]
    """Names that stand for the request of whoever is served."""
    kinds: frozenset[str]
    """Its classes."""
    members: frozenset[str]


FRAMEWORKS: Final = (
    _Framework("Flask", frozenset({"flask.request"}), frozenset({"flask.Request"}), frozenset(_FLASK.split())),
    _Framework(
        "Starlette",
        frozenset(),
        frozenset(
            """fastapi.Request fastapi.requests.Request starlette.requests.Request""".split(),
        ),
        frozenset(_STARLETTE.split()),
    ),
    _Framework(
        "aiohttp",
        frozenset(),
        frozenset({"aiohttp.web.Request", "aiohttp.web_request.Request"}),
        frozenset(_AIOHTTP.split()),
    ),
)
# Their requests are seldom known to be theirs, and yet their names are asked of others.
OF_OTHERS: Final = frozenset(_DJANGO.split())
# And by these a plug-in of any of them puts what it has found out.
OF_PLUGINS: Final = frozenset("user session auth state task message version".split())
MODULES: Final = frozenset({"flask", "fastapi", "starlette", "aiohttp"})


class Strange(NamedTuple):
    """A request is asked for what only another framework's has."""

    scope: FunctionSymbol
    expression: Expression
    line: int
    column: int
    framework: str
    others: tuple[str, ...]


def strange_members(analysis: Analysis) -> Iterator[Strange]:
    """Every such read, each name once in a function."""
    known = _known_elsewhere()
    added: frozenset[str] | None = None
    for module in analysis.modules:
        if module.in_tests or not _imports_any(module):
            continue
        for scope in module.functions:
            seen: set[Expression] = set()
            for expression, line, column in scope.attributes_read:
                name = expression[2]
                if name not in known or expression in seen or expression[1][0] != "name":
                    continue
                framework = _framework(expression[1], scope, analysis)
                if framework is None or name in framework.members:
                    continue
                added = _put_on_requests(analysis) if added is None else added
                if name not in added:
                    seen.add(expression)
                    yield Strange(scope, expression, line, column, framework.name, _having(name))


def _known_elsewhere() -> frozenset[str]:
    return frozenset().union(OF_OTHERS, *(each.members for each in FRAMEWORKS)) - OF_PLUGINS


def _having(name: str) -> tuple[str, ...]:
    found = [each.name for each in FRAMEWORKS if name in each.members]
    return (*found, "Django") if name in OF_OTHERS else tuple(found)


def _imports_any(module: ModuleSymbol) -> bool:
    return any(
        each.module.partition(".")[0] in MODULES and not each.level for scope in module.file.functions for each in scope.imports
    )


def _framework(owner: Expression, scope: FunctionSymbol, analysis: Analysis) -> _Framework | None:
    """Whose request a name is: the object that a framework has ready, or a parameter that is annotated with its class."""
    match analysis.program.lookup(owner[1], scope):
        case External(dotted=dotted):
            return next((each for each in FRAMEWORKS if dotted in each.objects), None)
        case VariableSymbol(scope=holder, name=name) if name in holder.parameters and name not in holder.assigned:
            annotation = holder.facts.parameters[holder.parameters[name]].annotation
            kind = None if annotation is None else analysis.program.evaluate(annotation, holder.parent or holder)
            match kind:
                case External(dotted=dotted):
                    return next((each for each in FRAMEWORKS if dotted in each.kinds), None)
                case ClassSymbol() if kind.module.library:
                    return next((each for each in FRAMEWORKS if kind.full_name in each.kinds), None)
    return None


def _put_on_requests(analysis: Analysis) -> frozenset[str]:
    """What the program itself puts there, or asks whether it is there: `request.remote = …`, `hasattr(request, "remote")`."""
    found: set[str] = set()
    for scope in analysis.scopes:
        found.update(each.target[2] for each in scope.facts.assignments if _is_of_request(each.target))
    for _, _, call in analysis.calls_of("setattr", "hasattr", "getattr"):
        match call.arguments:
            case (owner, ("string", str(name)), *_) if "req" in (last_name(owner) or "").lower():
                found.add(name)
    for module in analysis.modules:
        for kind in module.classes:
            if any((last_name(base) or "").endswith("Request") for base in kind.facts.bases):
                found.update((*kind.methods, *kind.body.assigned, *kind.set_on_self))
    return frozenset(found)


def _is_of_request(target: Expression) -> bool:
    return target[0] == "attribute" and "req" in (last_name(target[1]) or "").lower()
