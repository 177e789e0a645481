"""Where the test hosts keep what they make: all below .cache/ in the project's root, ignored by git."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
SYSTEMS = Path(__file__).resolve().parent / "systems"
REGISTRY = Path(__file__).resolve().parent / "registry"
FLEETS = CACHE / "hosts"
KEY = CACHE / "hosts" / "id_ed25519"
