from netra.guard.members.columns import missing_columns
from tests.guard.programs import analysed

TABLES = """
import sqlalchemy as sa
orders = sa.Table("orders", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("sum", key="total"), sa.Index("i", "id"))
copied = sa.Table("copied", sa.MetaData(), *[sa.Column("id")])
def f():
    print(orders.c.id, orders.c.sum, orders.columns.total, orders.c.keys(), copied.c.sum)
"""


def test_a_column_is_missing_where_all_columns_are_written_down() -> None:
    assert [(each.name, each.line) for each in missing_columns(analysed(TABLES))] == [("sum", 6)]


def test_a_table_that_gets_more_columns_later_may_have_any() -> None:
    assert [*missing_columns(analysed(f"{TABLES}orders.append_column(sa.Column('sum'))\n"))] == []
