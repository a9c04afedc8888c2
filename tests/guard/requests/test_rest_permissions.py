from netra.guard.requests.rest_permissions import unasked
from tests.guard.programs import analysed

TEXT = """
from rest_framework.permissions import BasePermission
from rest_framework.viewsets import ModelViewSet
class IsOwner(BasePermission):
    def has_object_permission(self, request, view, obj):
        return obj.owner == request.user
class Plans(ModelViewSet):
    permission_classes = [IsOwner]
    def destroy(self, request, pk=None):
        Plan.objects.get(pk=pk).delete()
    def update(self, request, pk=None):
        self.get_object().save()
"""


def test_what_fetches_its_object_by_itself_has_passed_the_permission_by() -> None:
    (found,) = unasked(analysed(TEXT))
    assert (found.scope.name, found.line) == ("destroy", 10) and "`IsOwner`" in found.message
