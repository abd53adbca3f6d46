"""Views of the queue that a person named: their own, by name, found again as they were."""

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Role
from multimail.operations.people import REMOVE_OPERATOR
from multimail.operations.saved_views import DELETE_VIEW, LIST_SAVED_VIEWS, MOST, SAVE_VIEW
from tests.support import mailroom
from tests.support.world import World


async def names(world: World, who: str) -> list[str]:
    return [one["name"] for one in (await world.invoke(LIST_SAVED_VIEWS, who))["views"]]


async def test_a_view_is_kept_changed_and_forgotten_by_its_person(world: World) -> None:
    await world.add_operator("Mira")
    otto = await world.add_operator("Otto", Role.VIEWER)
    given = {"q": "invoice", "mailbox_id": world.mailbox["address"], "direction": "outbound", "risk": "high"}
    made = await world.invoke(SAVE_VIEW, "Mira", name="  Money \n out ", group="mailbox", **given)
    kept = given | {"mailbox_id": world.mailbox["mailbox_id"], "id": made["id"], "name": "Money out"}
    assert made == kept | {"group": "mailbox"}
    assert (await world.invoke(LIST_SAVED_VIEWS, "Mira"))["views"] == [made]
    again = await world.invoke(SAVE_VIEW, "Mira", name="Money out")
    assert (again["id"], again["q"], again["group"]) == (made["id"], None, None)
    await world.invoke(SAVE_VIEW, "Otto", name="Mine")
    with pytest.raises(Refused, match="not_found"):
        await world.invoke(DELETE_VIEW, "Otto", view_id=made["id"])
    await world.invoke(DELETE_VIEW, "Mira", view_id=made["id"])
    assert (await names(world, "Mira"), await names(world, "Otto")) == ([], ["Mine"])
    await world.invoke(REMOVE_OPERATOR, "Mira", operator_id=otto.id)
    assert await mailroom.execute(world, "SELECT 1 FROM saved_views") == []


@pytest.mark.parametrize("name", ["", " \n", "x" * 41, "a\u202eb", "\x1b[2J"])
async def test_a_name_is_a_line_that_can_be_read(world: World, name: str) -> None:
    await world.add_operator("Mira")
    with pytest.raises(Refused, match="invalid_fields"):
        await world.invoke(SAVE_VIEW, "Mira", name=name)


async def test_there_are_so_many_at_most(world: World) -> None:
    await world.add_operator("Mira")
    for number in range(MOST):
        await world.invoke(SAVE_VIEW, "Mira", name=f"View {number}")
    with pytest.raises(Refused, match="conflict"):
        await world.invoke(SAVE_VIEW, "Mira", name="More")
    await world.invoke(SAVE_VIEW, "Mira", name="View 3", risk="high")
    seen, cursor = [], None
    for expected in (9, 9, 2):
        page = await world.invoke(LIST_SAVED_VIEWS, "Mira", limit=9, cursor=cursor)
        assert len(page["views"]) == expected
        seen, cursor = seen + page["views"], page["cursor"]
    assert cursor is None and [one["name"] for one in seen] == [f"View {number}" for number in range(MOST)]
