"""sshd's messages with the file and line that they refer to; test_sshd.py has the recorded ones of three versions."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.rejection import locate_errors

MAIN, OTHER = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/50-x.conf"
FILES = {MAIN: "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin perhaps\n", OTHER: "AllowUsers a@10.0.0.0/33\n"}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param(
            f'{MAIN} line 2: unsupported option "perhaps".\n',
            f'{MAIN}:2: unsupported option "perhaps" (PermitRootLogin perhaps)',
            id="file and line",
        ),
        pytest.param(
            f"{MAIN}: line 2: Bad configuration option: x\n{MAIN}: terminating, 1 bad configuration options\n",
            f"{MAIN}:2: Bad configuration option: x (PermitRootLogin perhaps), "
            f"{MAIN}: terminating, 1 bad configuration options",
            id="two messages",
        ),
        pytest.param(
            "AllowUsers: bad argument 'a@10.0.0.0/33' at line 1\n",
            f"{OTHER}:1: AllowUsers: bad argument 'a@10.0.0.0/33' (AllowUsers a@10.0.0.0/33)",
            id="a line of an unnamed file, found by its text",
        ),
        pytest.param(
            "bad argument 'nowhere' at line 1\n", "bad argument 'nowhere' at line 1", id="a text that no file has"
        ),
        pytest.param(
            "PermitRootLogin cannot be satisfied\n",
            f"PermitRootLogin cannot be satisfied ({MAIN}:2)",
            id="no line: where the keyword is set",
        ),
        pytest.param(f"{MAIN} line 9: gone\n", f"{MAIN}:9: gone ()", id="a line that is not there any more"),
        pytest.param("Segmentation fault\n", "Segmentation fault", id="something else"),
        pytest.param("\n", "", id="nothing"),
    ],
)
def test_locate_errors(output: str, expected: str) -> None:
    assert locate_errors(output, FILES) == expected


def test_a_file_that_cannot_be_parsed_mentions_nothing() -> None:
    assert (
        locate_errors("UsePAM is odd\n", {MAIN: 'UsePAM "yes\n', OTHER: "UsePAM no\n"}) == f"UsePAM is odd ({OTHER}:1)"
    )
