"""S118."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.requests.rest_permissions import unasked
from netra.guard.rule import rule


@rule("S118", "skipped-permission")
def skipped_permission(analysis: Analysis) -> Iterator[Sighting]:
    """A method of a view of Django REST framework answers past the permission that its other methods are under.

    `has_object_permission` is asked by `self.get_object()` and by nothing else. A method that fetches the object of its path by
    itself answers whoever may send a request at all, about any object.

    ```python
    class PlanViewSet(ModelViewSet):
        permission_classes = [IsOwner]

        @action(detail=True, methods=["post"])
        def close(self, request, pk):
            plan = Plan.objects.get(pk=pk)  # S118: `IsOwner` is not asked about this plan
            plan.close()
            return Response()
    ```

    So it is with a view that says nothing of permissions, in which at least three methods that change something look who asks,
    and one does not.

    Fetch the object by `self.get_object()`, or call `self.check_object_permissions(request, plan)`. Left alone are methods that
    look at `request.user`, at a token or at anything else that may be proof, by themselves or by another method of the view,
    those that have permissions of their own, views that choose their permissions in `get_permissions`, and permissions that let
    only the staff through to begin with.
    """
    for each in unasked(analysis):
        yield Sighting(each.scope, each.line, each.column, each.end_line, each.message, each.why, Mend(each.mend), CERTAIN)
