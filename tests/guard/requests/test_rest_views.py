from netra.guard.requests.rest_views import UNSEEN, RestViews
from tests.guard.programs import analysed

TEXT = """
from rest_framework.decorators import action
from rest_framework.viewsets import ModelViewSet
class Plans(ModelViewSet):
    permission_classes = []
    def destroy(self, request, pk=None):
        return self._mine(request)
    def list(self, request):
        return super().list(request)
    @action(detail=True, methods=["post"])
    def close(self, request, pk):
        return Plan.objects.get(pk=pk)
    def _mine(self, request):
        return request.user
class Plain:
    def destroy(self): ...
"""


def test_the_methods_that_answer_are_known_and_which_of_them_change_an_object() -> None:
    views = RestViews(analysed(TEXT))
    ((kind, actions),) = views.actions.items()
    assert kind.name == "Plans" and views.permissions(kind) is not None and not views.chooses(kind)
    found = [(each.function.name, each.detail, each.changes, each.decides) for each in actions]
    assert found == [("destroy", True, True, False), ("list", False, False, False), ("close", True, True, False)]


def test_a_method_asks_by_another_one_and_what_the_library_does_may_ask() -> None:
    views = RestViews(analysed(TEXT))
    ((kind, actions),) = views.actions.items()
    assert [views.asks(each.function, kind) for each in actions] == [True, True, False]
    assert [UNSEEN in views.names(each.function, kind) for each in actions] == [False, True, False]
