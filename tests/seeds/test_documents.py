"""Finding code in a page saved as text."""

import pytest

from tests.seeds.documents import clean, find_blocks, read_document

COUNTS = {"openai-assistants": 8, "azure-ai": 5, "dust": 3, "ai21": 9, "livekit": 0}

PAGE = """A heading

python
print(f"{a[&"cm">#039;x']}")

"cm"># Fetch https:"cm">//far.test
Text = '''
A sentence in a string.
'''

Prose that explains it.

bash
x = 1
2

Next step

bash
curl https://far.test
Common questions
"""


def test_blocks_end_where_prose_begins():
    first, second, third = find_blocks("page", clean(PAGE))
    assert first.text.startswith("print(f\"{a['x']}\")\n\n# Fetch https://far.test\n")
    assert first.text.endswith("A sentence in a string.\n'''\n") and first.line == 4
    assert (second.text, second.language) == ("x = 1\n", "python")  # whatever its label says
    assert (third.text, third.language) == ("curl https://far.test\n", "shell")


@pytest.mark.parametrize("name", COUNTS)
def test_every_block_of_the_documents_is_found(name):
    document = read_document(name)
    assert len(document.blocks) == COUNTS[name]
    for block in document.in_("python"):
        block.compiled()
    assert not [block for block in document.blocks if '"cm"' in block.text or "&#" in block.text]
