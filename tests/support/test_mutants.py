"""Mutants are valid modules, each with one change."""

import ast

from tests.support import mutants
from tests.support.affected import ROOT

SOURCE = """
def price(count: int, is_member: bool = True) -> int:
    log("naïve")
    return 10 if count > 3 and is_member else 12
"""


def test_every_kind_of_change_is_made_on_its_line() -> None:
    changes = {(mutant.line, mutant.before(SOURCE), mutant.after) for mutant in mutants.mutants_of("shop.py", SOURCE)}

    assert changes == {
        (2, "True", "(False)"),
        (3, 'log("naïve")', "pass"),
        (4, "return 10 if count > 3 and is_member else 12", "return None"),
        (4, "10 if count > 3 and is_member else 12", "(10 if not (count > 3 and is_member) else 12)"),
        (4, "count > 3 and is_member", "(count > 3 or is_member)"),
        (4, "count > 3", "(count <= 3)"),
        (4, "10", "(11)"),
        (4, "3", "(4)"),
        (4, "12", "(13)"),
    }


def test_mutants_of_the_product_are_valid_modules_that_differ_from_it() -> None:
    chosen = mutants.choose(ROOT, 200, seed=3)

    for mutant in chosen:
        original = (ROOT / mutant.path).read_text(encoding="utf-8")
        assert ast.dump(ast.parse(mutant.applied(original))) != ast.dump(ast.parse(original)), mutant
    assert len({(mutant.path, mutant.line) for mutant in chosen}) == 200


def test_the_same_seed_gives_the_same_mutants() -> None:
    assert mutants.choose(ROOT, 20, seed=5) == mutants.choose(ROOT, 20, seed=5)
