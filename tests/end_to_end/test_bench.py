"""`ritz bench` from the command line to its JSON file; what it times is nobody's business here."""

import json
import unittest

from harness import Case


class Bench(Case):
    def bench(self, *arguments, ranks=2, expect=0):
        file = self.folder / "bench.json"
        code, text = self.call("bench", "--json", file, *arguments, ranks=ranks)
        self.assertEqual(code, expect, text)
        return (json.loads(file.read_text()) if expect == 0 else None), text

    def test_actions_and_solves(self):
        result, text = self.bench("--size", "small", "--case", "M1,M4", "--degree", "2,4",
                                  "--repeat", "2")
        for key in ("program", "ranks", "threads", "device", "peak_flops", "triad_array_bytes"):
            self.assertIn(key, result)
        self.assertEqual(result["ranks"], 2)
        rows = result["rows"]
        # Each degree in double and float, then the solves.
        self.assertEqual([(r["case"], r["degree"], r["precision"]) for r in rows],
                         [("M1", 2, "double"), ("M1", 2, "float"), ("M1", 4, "double"),
                          ("M1", 4, "float"), ("M4", 2, "double"), ("M4", 4, "double")])
        for row in rows:
            # 16^3 cells of degree 2, 8^3 of degree 4: 33 nodes a side.
            self.assertEqual(row["dofs"], 33**3)
            self.assertEqual(row["cells"], {2: 16, 4: 8}[row["degree"]] ** 3)
            self.assertEqual(len(row["seconds"]), 2)
            self.assertGreater(row["seconds_min"], 0)
            self.assertLessEqual(row["seconds_min"], row["seconds_median"])
            # What is derived is derived from what is printed beside it.
            self.assertAlmostEqual(row["dofs_per_second"] * row["seconds_median"] / 33**3, 1)
            self.assertAlmostEqual(row["bytes_per_second"] /
                                   (row["dofs_per_second"] * row["model_bytes_per_dof"]), 1)
            self.assertGreater(row["triad_before"], 0)
            self.assertIn("operator", row["setup_seconds"])
            self.assertRegex(text, rf"(?m)^{row['case']}\s+{row['degree']} {row['precision']}\s+35937 ")
        # Vectors in and out 24 bytes, 27 indices of 4 bytes a cell (performance notes, section 2).
        self.assertAlmostEqual(rows[0]["model_bytes_per_dof"], 24 + 27 * 4 / 8)
        self.assertAlmostEqual(rows[3]["model_bytes_per_dof"], 12 + 27 * 4 / 64)
        for row in rows[4:]:
            self.assertLessEqual(row["true_residual"], 1e-8)
            self.assertGreaterEqual(row["iterations"], 1)
            self.assertLessEqual(row["iterations"], 10)
            self.assertIn("multigrid", row["setup_seconds"])

    def test_elasticity_without_and_with_a_matrix(self):
        result, _ = self.bench("--size", "small", "--case", "M11", "--repeat", "2")
        rows = result["rows"]
        self.assertEqual([r["precision"] for r in rows], ["double", "float", "matrix"])
        for row in rows:
            self.assertEqual(row["dofs"], 3 * 21**3)  # 10 cells of degree 2 a side
            self.assertEqual(len(row["seconds"]), 2)
        # A row of the matrix has 3 * 4^3 entries in the mean of a large mesh, 12 bytes each.
        self.assertAlmostEqual(rows[2]["model_bytes_per_dof"], 3 * 64 * 12 + 32)
        self.assertAlmostEqual(rows[0]["model_bytes_per_dof"], 24 + (27 * 4 + 23 * 8) / 24)
        self.assertIn("isotropic elasticity", rows[0]["notes"][0])

    def test_mistakes_are_told(self):
        for arguments, part in ((["--case", "M99"], "cases are M1"),
                                (["--degree", "9"], "must be 1 to 8"),
                                (["--size", "huge"], "small, medium, large")):
            _, text = self.bench(*arguments, ranks=1, expect=2)
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main()
