"""Documentation examples are run if there are any, and only then."""
import tempfile
import unittest
from pathlib import Path

from stack import checks


class Doctests(unittest.TestCase):
    def has_doctests(self, source):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "proto").mkdir()
            (Path(folder) / "proto" / "lib.rs").write_text(source, encoding="utf-8")
            return checks.has_doctests(Path(folder))

    def test_an_example_is_found(self):
        self.assertTrue(self.has_doctests("/// ```\n/// assert!(true);\n/// ```\nfn f() {}\n"))
        self.assertTrue(self.has_doctests("//! ```text\n//! a\n//! ```\n//! ```rust,no_run\n//! f()\n//! ```\n"))

    def test_a_text_block_is_not_an_example(self):
        self.assertFalse(self.has_doctests("/// ```text\n/// a -> b\n/// ```\nfn f() {}\n"))
        self.assertFalse(self.has_doctests("// ```\n// plain comment\n// ```\n"))
