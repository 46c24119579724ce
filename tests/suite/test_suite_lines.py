"""Line numbers of keys: right where they are found, absent rather than wrong where not."""

from greenbench.suite.lines import key_lines, line_of

TEXT = '''name = "x"
[measure]  # how
period_s = 1

[[study]]
model = "a"
text = """
model = "not a key"
[limits]
"""
[[study.mutate]]
operator = "b"
[[study]]
"model" = "c"
[study.hyperparameters]
epochs = 3
[[study.mutate]]
draw = {low = 1}
a.b.c = 1
'''


def test_keys_and_headers_are_found_where_they_stand():
    lines = key_lines(TEXT)
    expected = {
        ("name",): 1,
        ("measure",): 2,
        ("measure", "period_s"): 3,
        ("study", 0): 5,
        ("study", 0, "model"): 6,
        ("study", 0, "mutate", 0): 11,
        ("study", 0, "mutate", 0, "operator"): 12,
        ("study", 1, "model"): 14,
        ("study", 1, "hyperparameters", "epochs"): 16,
        ("study", 1, "mutate", 0, "draw"): 18,
        ("study", 1, "mutate", 0, "a", "b", "c"): 19,
    }
    assert {path: lines.get(path) for path in expected} == expected
    assert ("limits",) not in lines


def test_what_has_no_line_of_its_own_has_its_parents():
    lines = key_lines(TEXT)
    assert line_of(("study", 1, "mutate", 0, "draw", "low"), lines) == 18
    assert line_of(("study", 0, "name"), lines) == 5
    assert line_of(("absent",), lines) is None
