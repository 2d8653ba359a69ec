"""docs/equations.md says what the registry of keys says, and has every worked deck with its picture."""

import re
import struct
import sys
import unittest

from harness import SOURCE, Case

PAGE = SOURCE / "docs" / "equations.md"
NO_PROBLEM = {"reference"}  # every key with its default, for reading


def kinds_of(condition, kinds):
    """The kinds for which a key is, by what docs/deck.md says of it: "Only with ..."."""
    if condition is None:
        return kinds
    named = set(re.findall(r'"([^"]+)"', condition))
    return kinds - named if "any" in condition else named


class Equations(Case):
    def setUp(self):
        super().setUp()
        self.page = PAGE.read_text()
        self.sections = dict(re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", self.page,
                                        re.MULTILINE | re.DOTALL))
        code, self.told = self.call("explain", "equation.kind", ranks=0)
        self.assertEqual(code, 0)
        # Choices stand in the first column of the last part, their weak forms below them.
        choices = self.told.split("Choices:\n")[1]
        self.forms = {kind: " ".join(text.split()) for kind, text in re.findall(
            r'^ {2}"([^"]+)"\n(.*?)(?=^ {2}"|\Z)', choices, re.MULTILINE | re.DOTALL)}
        self.assertGreater(len(self.forms), 5, self.told)

    def test_every_kind_has_its_section_with_the_weak_form(self):
        self.assertEqual(set(self.sections), set(self.forms))
        for kind, text in self.forms.items():
            form = re.split(r"[;:]|\.$", text)[0]
            self.assertIn("=", form)
            with self.subTest(kind=kind):
                self.assertIn(f"\n    {form}\n", self.sections[kind])

    def test_every_coefficient_is_in_the_sections_of_its_kinds(self):
        deck = (SOURCE / "docs" / "deck.md").read_text()
        n_keys = 0
        for table in ("[equation]", "[equation.NAME]"):
            keys = deck.split(f"\n## `{table}`\n")[1].split("\n## ")[0]
            for key, row in re.findall(r"^\| `(\w+)` \|(.*)$", keys, re.MULTILINE):
                if key in ("kind", "unknowns"):
                    continue
                condition = re.search(r"Only with (.*?)\.(?: \||$)", row)
                for kind in kinds_of(condition and condition.group(1), set(self.forms)):
                    n_keys += 1
                    with self.subTest(kind=kind, key=key):
                        self.assertIn(f"`{key}", self.sections[kind])
        self.assertGreater(n_keys, 40)

    def test_every_boundary_condition_is_explained(self):
        deck = (SOURCE / "docs" / "deck.md").read_text()
        keys = deck.split("\n## `[[boundary]]`\n")[1].split("\n## ")[0]
        for key, row in re.findall(r"^\| `(\w+)` \|(.*)$", keys, re.MULTILINE):
            if key in ("on", "unknown"):
                continue
            elastic = re.search(r'Only with equation\.kind = "elasticity"', row)
            where = self.sections["elasticity"] if elastic else self.page.split("\n## `")[0]
            with self.subTest(key=key):
                self.assertRegex(where, rf"(?m)^\| `{key} = ")

    def test_every_worked_deck_and_its_picture_are_in_the_section_of_its_kind(self):
        decks = [path for path in sorted((SOURCE / "configs").glob("*.toml"))
                 if path.stem not in NO_PROBLEM]
        self.assertGreater(len(decks), 10)
        for path in decks:
            kind = re.search(r'^kind = "([a-z-]+)"',
                             path.read_text().split("\n[equation]\n")[1], re.MULTILINE).group(1)
            picture = SOURCE / "docs" / "images" / f"{path.stem}.png"
            with self.subTest(deck=path.stem):
                self.assertIn(f"(../configs/{path.name})", self.sections[kind])
                self.assertIn(f"(images/{picture.name})", self.sections[kind])
                content = picture.read_bytes()
                self.assertLess(len(content), 60000)
                self.assertEqual(content[:8], b"\x89PNG\r\n\x1a\n")
                self.assertEqual(struct.unpack(">I", content[16:20])[0], 640)

    def test_every_section_names_validation_and_every_link_leads_somewhere(self):
        for kind, text in self.sections.items():
            with self.subTest(kind=kind):
                self.assertIn("(../validation/", text)
        for target in re.findall(r"\]\(([^)#]+)\)", self.page):
            with self.subTest(link=target):
                self.assertTrue((PAGE.parent / target).exists(), target)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
