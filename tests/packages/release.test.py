#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""packaging/release makes the same release wherever and whenever, or says why there is none.

    python3 tests/packages/release.test.py [Class.test_name]
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True

SOURCES = Path(__file__).resolve().parents[2]
# What is looked at before anything is made.
CHECKED = ["packaging/release", "include/skyutil/version.hpp", "CHANGELOG.md", "README.md"]
DATE = "2024-02-29T23:59:58Z"
SPDX_ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+")
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

git_environment = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{role}_NAME": "A Maintainer" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "maintainer@example.org" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_DATE": DATE for role in ("AUTHOR", "COMMITTER")},
    "PYTHONDONTWRITEBYTECODE": "1",
}


def git(tree: Path, *arguments: str) -> str:
    command = ["git", "-c", "safe.directory=*", "-C", str(tree), *arguments]
    return subprocess.run(
        command, check=True, env=git_environment, capture_output=True, text=True
    ).stdout


def version_of(tree: Path) -> str:
    return ".".join(
        re.findall(
            r"^#define SKYUTIL_VERSION_[A-Z]+ (\d+)$",
            (tree / "include/skyutil/version.hpp").read_text(),
            re.M,
        )
    )


@unittest.skipUnless(shutil.which("git"), "git is not installed")
class Release(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="skyutil-release-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.tree = self.folder / "tree"
        self.version = version_of(SOURCES)
        self.name = f"skyutil-{self.version}"

    def make_tree(self, names: list[str], changelog: str = "") -> None:
        """A repository with these files of this one as they are, one commit and no tag."""
        for name in names:
            if (SOURCES / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(SOURCES / name, self.tree / name)
        text = (self.tree / "CHANGELOG.md").read_text()
        dated = changelog or f"## [{self.version}] - 2024-02-29\n"
        text, count = re.subn(rf"^## \[{re.escape(self.version)}\].*\n", dated, text, flags=re.M)
        self.assertEqual(count, 1)
        (self.tree / "CHANGELOG.md").write_text(text)
        git(self.tree, "init", "-q")
        git(self.tree, "add", "-A")
        git(self.tree, "commit", "-q", "-m", "A release")

    def make_whole_tree(self, changelog: str = "") -> None:
        try:
            listed = git(SOURCES, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        except (FileNotFoundError, subprocess.CalledProcessError) as failure:
            self.skipTest(f"these sources are not in git: {failure}")
        self.make_tree(sorted(set(listed.split("\0")) - {""}), changelog)
        self.tag()

    def tag(self, name: str = "") -> None:
        git(self.tree, "tag", "-a", "-m", "A release", name or f"v{self.version}")

    def run_release(
        self, tree: Path, to: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tree / "packaging/release", to],
            cwd=self.folder,
            env={**git_environment, **environment},
            capture_output=True,
            text=True,
        )

    def made(self, tree: Path, to: Path, **environment: str) -> dict[str, bytes]:
        result = self.run_release(tree, to, **environment)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"{to / self.name}\n")
        self.assertEqual(os.listdir(to), [self.name])
        made = to / self.name
        return {
            str(file.relative_to(made)): file.read_bytes()
            for file in made.rglob("*")
            if file.is_file()
        }

    def refused(self, *expected: str) -> None:
        to = self.folder / "out"
        result = self.run_release(self.tree, to)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, r"\Arelease: ")
        self.assertNotIn("Traceback", result.stderr)
        for text in expected:
            self.assertIn(text, result.stderr)
        self.assertFalse(to.exists())

    # --- what is made ---

    def test_it_is_the_same_from_another_directory_at_another_time(self) -> None:
        self.make_whole_tree()
        start = int(time.time())
        old = self.folder / "out" / self.name / "old"  # is replaced
        old.parent.mkdir(parents=True)
        old.touch()
        first = self.made(self.tree, self.folder / "out")
        self.assertNotIn("old", first)
        other = self.folder / "elsewhere" / "another name"
        other.parent.mkdir()
        git(self.folder, "clone", "-q", str(self.tree), str(other))
        for setting, value in ("tar.umask", "0077"), ("core.autocrlf", "true"):
            git(other, "config", setting, value)
        while int(time.time()) == start:
            time.sleep(0.05)
        self.addCleanup(os.umask, os.umask(0o077))
        second = self.made(
            other,
            other / "build/release",
            TZ="Asia/Kolkata",
            SOURCE_DATE_EPOCH="1",
            HOME=str(other),
            GZIP="-1",
        )
        self.assertEqual(sorted(first), sorted(second))
        for name, content in first.items():
            self.assertEqual(content, second[name], name)
            self.assertNotIn(str(self.folder).encode(), content, name)

    def test_it_has_what_a_release_needs(self) -> None:
        self.make_whole_tree()
        files = self.made(self.tree, self.folder / "out")
        recipes = {name for name in files if name.startswith("recipes/")}
        self.assertEqual(
            set(files) - recipes,
            {
                f"{self.name}.tar.gz",
                f"{self.name}.spdx.json",
                f"{self.name}.cdx.json",
                "skyutil_core.hpp",
                "CHANGES.md",
                "SHA256SUMS",
                "SHA512SUMS",
            },
        )
        archive = files[f"{self.name}.tar.gz"]
        self.assertEqual(archive[3:8], bytes(5), "gzip's header has a name or a time")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            released = {}
            for member in tar.getmembers():
                self.assertEqual(member.mtime, 1709251198, member.name)
                content = tar.extractfile(member) if member.isfile() else None
                if content:
                    released[member.name] = content.read()
        listed = git(self.tree, "ls-files", "-z").split("\0")[:-1]
        self.assertEqual(
            released, {f"{self.name}/{name}": (self.tree / name).read_bytes() for name in listed}
        )

        for algorithm in "sha256", "sha512":
            sums = f"{algorithm.upper()}SUMS"
            lines = [
                f"{hashlib.new(algorithm, content).hexdigest()}  {name}"
                for name, content in files.items()
                if not name.endswith("SUMS")
            ]
            self.assertEqual(sorted(files[sums].decode().splitlines()), sorted(lines))
            made = self.folder / "out" / self.name
            subprocess.run(
                [f"{algorithm}sum", "-c", "--strict", "--quiet", sums], cwd=made, check=True
            )

        amalgamated = self.folder / "one/skyutil_core.hpp"
        subprocess.run(
            [self.tree / "packaging/amalgamate", "--output", amalgamated.parent], check=True
        )
        self.assertEqual(files["skyutil_core.hpp"], amalgamated.read_bytes())

        conan = "recipes/conan-center-index/recipes/skyutil/"
        data = files[conan + "all/conandata.yml"].decode()
        self.assertIn(f'sha256: "{hashlib.sha256(archive).hexdigest()}"', data)
        self.assertIn(f"/v{self.version}.tar.gz", data)
        portfile = files["recipes/vcpkg/ports/skyutil/portfile.cmake"].decode()
        self.assertIn(f"SHA512 {hashlib.sha512(archive).hexdigest()}\n", portfile)
        self.assertEqual(
            json.loads(files["recipes/vcpkg/ports/skyutil/vcpkg.json"])["version"], self.version
        )

    def test_the_changes_are_those_of_the_version_alone(self) -> None:
        self.make_whole_tree(
            f"## [{self.version}] - 2024-02-29\n\n### Fixed\n\n- This.\n\n"
            "## [0.0.9] - 2023-01-01\n\n- Not this.\n\n"
        )
        files = self.made(self.tree, self.folder / "out")
        self.assertEqual(
            files["CHANGES.md"].decode(),
            f"## [{self.version}] - 2024-02-29\n\n### Fixed\n\n- This.\n",
        )

    # --- bills of materials: the required fields, from the specifications' own words ---

    def check_digests(
        self, checksums: list[dict[str, str]], name: str, value: str, content: bytes
    ) -> None:
        for checksum in checksums:
            algorithm = checksum[name].lower().replace("-", "")
            self.assertEqual(checksum[value], hashlib.new(algorithm, content).hexdigest(), checksum)

    def features(self) -> set[str]:
        port = json.loads((self.tree / "packaging/vcpkg/ports/skyutil/vcpkg.json").read_text())
        needed = [
            d for feature in port["features"].values() for d in feature.get("dependencies", [])
        ]
        return {d if isinstance(d, str) else d["name"] for d in needed} - {"skyutil"}

    def test_the_spdx_document_has_all_that_version_2_3_requires(self) -> None:
        self.make_whole_tree()
        made = self.made(self.tree, self.folder / "out")
        archive = made[f"{self.name}.tar.gz"]
        document = json.loads(made[f"{self.name}.spdx.json"])
        # 6: document creation information
        self.assertEqual(document["spdxVersion"], "SPDX-2.3")
        self.assertEqual(document["dataLicense"], "CC0-1.0")
        self.assertEqual(document["SPDXID"], "SPDXRef-DOCUMENT")
        self.assertEqual(document["name"], self.name)
        self.assertRegex(document["documentNamespace"], rf"\Ahttps://[^#\s]+-{UUID}\Z")
        self.assertEqual(document["creationInfo"]["created"], DATE)
        self.assertTrue(document["creationInfo"]["creators"])
        for creator in document["creationInfo"]["creators"]:
            self.assertRegex(creator, r"\A(Person|Organization): .+|\ATool: \S+-[\d.]+\Z")

        # 7: packages
        package, *libraries = document["packages"]
        self.assertEqual((package["name"], package["versionInfo"]), ("skyutil", self.version))
        self.assertEqual(package["packageFileName"], f"{self.name}.tar.gz")
        self.assertRegex(package["supplier"], r"\A(Person|Organization): .+\Z")
        for field in "licenseConcluded", "licenseDeclared":
            self.assertEqual(package[field], "MIT")
        self.assertIn("Copyright", package["copyrightText"])
        self.assertEqual(
            {c["algorithm"] for c in package["checksums"]}, {"SHA1", "SHA256", "SHA512"}
        )
        self.check_digests(package["checksums"], "algorithm", "checksumValue", archive)
        self.assertTrue(package["filesAnalyzed"])
        self.assertEqual({library["name"] for library in libraries}, self.features())
        for each in document["packages"]:
            self.assertRegex(each["downloadLocation"], r"\A(https://\S+|NOASSERTION)\Z")
            for field in "licenseConcluded", "licenseDeclared", "copyrightText":
                self.assertTrue(each[field])
        for library in libraries:
            # Nothing of theirs is in the archive: neither files nor a verification code.
            self.assertIs(library["filesAnalyzed"], False)
            self.assertFalse({"packageVerificationCode", "licenseInfoFromFiles"} & set(library))

        # 8: files; SHA-1 is mandatory
        listed = git(self.tree, "ls-files", "-z").split("\0")[:-1]
        self.assertEqual(
            sorted(file["fileName"] for file in document["files"]), sorted(f"./{n}" for n in listed)
        )
        sha1s = []
        found = set()
        for file in document["files"]:
            self.assertEqual([c["algorithm"] for c in file["checksums"]], ["SHA1", "SHA256"])
            content = (self.tree / file["fileName"]).read_bytes()
            self.check_digests(file["checksums"], "algorithm", "checksumValue", content)
            sha1s.append(hashlib.sha1(content).hexdigest())
            self.assertEqual(file["licenseConcluded"], "MIT")
            self.assertIn(file["licenseInfoInFiles"], (["MIT"], ["NONE"]), file["fileName"])
            self.assertTrue(file["copyrightText"])
            found.update(file["licenseInfoInFiles"])
        self.assertEqual(set(package["licenseInfoFromFiles"]), found - {"NONE"})
        # 7.9: the SHA-1 of all SHA-1 of files, sorted, without anything between
        code = hashlib.sha1("".join(sorted(sha1s)).encode()).hexdigest()
        self.assertEqual(package["packageVerificationCode"]["packageVerificationCodeValue"], code)

        # Identifiers are unique, and 11: relationships are between them.
        ids = [each["SPDXID"] for each in (document, *document["packages"], *document["files"])]
        self.assertEqual(len(ids), len(set(ids)))
        for each in ids:
            self.assertTrue(SPDX_ID.fullmatch(each), each)
        related: dict[str, list[tuple[str, str]]] = {}
        for relationship in document["relationships"]:
            ends = relationship["spdxElementId"], relationship["relatedSpdxElement"]
            self.assertLessEqual(set(ends), set(ids))
            related.setdefault(relationship["relationshipType"], []).append(ends)
        whole = package["SPDXID"]
        self.assertEqual(
            related,
            {
                "DESCRIBES": [("SPDXRef-DOCUMENT", whole)],
                "OPTIONAL_DEPENDENCY_OF": [(library["SPDXID"], whole) for library in libraries],
                "CONTAINS": [(whole, file["SPDXID"]) for file in document["files"]],
            },
        )

    def test_the_cyclonedx_document_has_all_that_version_1_5_requires(self) -> None:
        self.make_whole_tree()
        made = self.made(self.tree, self.folder / "out")
        archive = made[f"{self.name}.tar.gz"]
        document = json.loads(made[f"{self.name}.cdx.json"])
        # The schema allows no other names.
        allowed = "bomFormat specVersion serialNumber version metadata components dependencies"
        self.assertEqual(set(document), set(allowed.split()))
        self.assertEqual((document["bomFormat"], document["specVersion"]), ("CycloneDX", "1.5"))
        self.assertRegex(document["serialNumber"], rf"\Aurn:uuid:{UUID}\Z")
        self.assertEqual(document["version"], 1)
        self.assertEqual(document["metadata"]["timestamp"], DATE)

        subject: dict[str, Any] = document["metadata"]["component"]
        self.assertEqual((subject["type"], subject["name"]), ("library", "skyutil"))
        self.assertEqual(subject["version"], self.version)
        self.assertEqual(subject["licenses"], [{"license": {"id": "MIT"}}])
        self.assertRegex(
            subject["purl"], rf"\Apkg:github/[^/@]+/skyutil@v{re.escape(self.version)}\Z"
        )
        self.assertEqual({h["alg"] for h in subject["hashes"]}, {"SHA-1", "SHA-256", "SHA-512"})
        self.check_digests(subject["hashes"], "alg", "content", archive)
        kinds = {reference["type"] for reference in subject["externalReferences"]}
        self.assertEqual(kinds, {"website", "vcs", "distribution"})
        for reference in subject["externalReferences"]:
            self.assertRegex(reference["url"], r"\Ahttps://\S+\Z")
            self.check_digests(reference.get("hashes", []), "alg", "content", archive)

        libraries = document["components"]
        self.assertEqual({library["name"] for library in libraries}, self.features())
        for library in libraries:
            self.assertEqual((library["type"], library["scope"]), ("library", "optional"))
        names = [component["bom-ref"] for component in (subject, *libraries)]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([entry["ref"] for entry in document["dependencies"]], names)
        self.assertEqual(document["dependencies"][0]["dependsOn"], names[1:])

    # --- what is refused ---

    def test_a_changed_file_is_refused(self) -> None:
        self.make_tree(CHECKED)
        self.tag()
        with (self.tree / "README.md").open("a") as readme:
            readme.write("more\n")
        self.refused("not clean", " M README.md")

    def test_a_new_file_is_refused(self) -> None:
        self.make_tree(CHECKED)
        self.tag()
        (self.tree / "include/skyutil/new.hpp").touch()
        self.refused("not clean", "?? include/skyutil/new.hpp")

    def test_no_tag_is_refused(self) -> None:
        self.make_tree(CHECKED)
        self.refused("no tag at HEAD", f"git tag -a v{self.version}")

    def test_a_tag_before_head_is_refused(self) -> None:
        self.make_tree(CHECKED)
        self.tag()
        git(self.tree, "commit", "-q", "--allow-empty", "-m", "Later")
        self.refused("no tag at HEAD", f"git tag -a v{self.version}")

    def test_the_tag_of_another_version_is_refused(self) -> None:
        self.make_tree(CHECKED)
        self.tag("v99.0.1")
        self.refused("v99.0.1", "include/skyutil/version.hpp", f"v{self.version}")

    def test_no_section_in_the_change_log_is_refused(self) -> None:
        self.make_tree(CHECKED, "## [99.0.1] - 2024-02-29\n")
        self.tag()
        self.refused("CHANGELOG.md", f"[{self.version}]")

    def test_a_section_without_a_date_is_refused(self) -> None:
        self.make_tree(CHECKED, f"## [{self.version}] - unreleased\n")
        self.tag()
        self.refused("CHANGELOG.md", "unreleased", f"## [{self.version}] - YYYY-MM-DD")

    def test_sources_outside_of_git_are_refused(self) -> None:
        self.make_tree(CHECKED)
        shutil.rmtree(self.tree / ".git")
        self.refused("git repository")


if __name__ == "__main__":
    unittest.main()
