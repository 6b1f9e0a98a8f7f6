# SPDX-License-Identifier: MIT
"""meson.build and BUILD.bazel make the components that CMakeLists.txt makes, of the same headers.

What CMake makes is in the file SKYUTIL_TEST_COMPONENTS, which configuring the tests writes. Meson is
run; what Bazel would make of its files, a few functions in its place say.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parents[2]
COMPONENTS = os.environ.get("SKYUTIL_TEST_COMPONENTS", "")

# What CMake, Bazel and the linker call what a component links. Boost has a library from 1.86 on.
LINKED = {
    r"Threads::Threads": "-pthread",
    r"skyutil::(\w+)": r":\1",
    r"cryptopp::cryptopp|.*libcrypto(\+\+|pp)[-.\w]*": ":cryptopp",
    r"OpenSSL::Crypto": ":openssl",
    r"Boost::(headers|process)": ":boost",
}
OPTIONS = ("hash", "openssl", "asio")


def read(name: str) -> str:
    return (SOURCES / name).read_text()


@dataclass
class Component:
    headers: set[str]
    linked: set[str]


def made_by_cmake() -> tuple[dict[str, Component], str]:
    """The components, "all" under the name that users know, and the C++ standard."""

    def linked(libraries: str) -> set[str]:
        names = set()
        for library in filter(None, libraries.split(";")):
            names |= {
                re.sub(known, name, library)
                for known, name in LINKED.items()
                if re.fullmatch(known, library)
            } or {library}
        return names

    content = json.loads(Path(COMPONENTS).read_text())
    components = {}
    for name, made in content["components"].items():
        headers = {os.path.relpath(header, SOURCES) for header in made["headers"].split(";")}
        components["skyutil" if name == "all" else name] = Component(headers, linked(made["linked"]))
    return components, re.sub("cxx_std_", "c++", content["features"])


def version() -> str:
    return ".".join(
        re.findall(r"^#define SKYUTIL_VERSION_[A-Z]+ (\d+)$", read("include/skyutil/version.hpp"), re.M)
    )


class Sources(unittest.TestCase):
    def setUp(self) -> None:
        if not COMPONENTS:
            self.skipTest(
                "what CMake makes is not known: run it with ctest -R builders, or ./dev test -R builders"
            )
        self.cmake, self.standard = made_by_cmake()


# --- Bazel ----------------------------------------------------------------------------------------


@dataclass
class BuildFile:
    """What a file for Bazel says, whose language is a part of Python."""

    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    module: dict[str, Any] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def run(self, text: str) -> BuildFile:
        def rule(**attributes: Any) -> None:
            assert attributes["name"] not in self.rules, attributes
            self.rules[attributes["name"]] = attributes

        def glob(include: list[str], exclude: list[str] = []) -> list[str]:
            def files(patterns: list[str]) -> set[str]:
                return {
                    str(path.relative_to(SOURCES)) for each in patterns for path in SOURCES.glob(each)
                }

            return sorted(files(include) - files(exclude))

        names = {
            "load": lambda file, *_: self.loads.append(file),
            "package": lambda **_: None,
            "exports_files": lambda _: None,
            "glob": glob,
            "cc_library": rule,
            "label_flag": rule,
            "select": lambda choices: choices["//conditions:default"],
            "module": lambda **attributes: self.module.update(attributes),
            "bazel_dep": lambda name, version: self.needs.append(name),
        }
        exec(text, names)  # pylint: disable=exec-used
        return self

    def components(self) -> dict[str, Component]:
        return {
            name: Component(
                set(rule["hdrs"]),
                {":" + each.lstrip(":") for each in rule.get("deps", [])}
                | set(rule.get("linkopts", [])),
            )
            for name, rule in self.rules.items()
            if "hdrs" in rule
        }


class Bazel(Sources):
    def test_each_component_has_the_headers_and_links_what_that_of_cmake_does(self) -> None:
        build = BuildFile().run(read("BUILD.bazel"))
        self.assertEqual(set(build.components()), set(self.cmake))
        for name, component in build.components().items():
            self.assertEqual(component.headers, self.cmake[name].headers, name)
            if self.cmake[name].linked:  # it is made here
                self.assertEqual(component.linked, self.cmake[name].linked, name)
        for name in self.cmake:
            self.assertEqual(build.rules[name]["includes"], ["include"])
        for flag, options in {"cryptopp": ["-lcryptopp"], "openssl": ["-lcrypto"], "boost": []}.items():
            default = build.rules[flag]["build_setting_default"]
            self.assertEqual(build.rules[default.lstrip(":")].get("linkopts", []), options)

    def test_a_header_in_another_component_and_a_library_less_are_noticed(self) -> None:
        for right, wrong in (
            ("detail/%s/**/*.hpp", "detail/%s/impl.hpp"),
            ('HEADERS["hash"] + HEADERS["hash_openssl"]', 'HEADERS["hash"]'),
            ('glob(HEADERS["asio"])', 'glob(HEADERS["hash"])'),
            ('        ":openssl",\n', ""),
            ('"//conditions:default": ["-pthread"]', '"//conditions:default": []'),
            ('name = "hash_openssl"', 'name = "hash-openssl"'),
        ):
            text = read("BUILD.bazel")
            self.assertEqual(text.count(right), 1, right)
            self.assertNotEqual(
                BuildFile().run(text.replace(right, wrong)).components(), self.cmake, right
            )

    def test_the_module_has_the_version_and_what_the_rules_are_loaded_of(self) -> None:
        module = BuildFile().run(read("MODULE.bazel"))
        self.assertEqual(module.module, {"name": "skyutil", "version": version()})
        shown = read("docs/packages.md")
        self.assertIn(f'bazel_dep(name = "skyutil", version = "{version()}")', shown)
        self.assertIn(f'/v{version()}.tar.gz"],\n#     strip_prefix = "skyutil-{version()}"', shown)
        loads = BuildFile().run(read("BUILD.bazel")).loads
        self.assertEqual({load.split("//")[0].lstrip("@") for load in loads}, set(module.needs))


# --- Meson ----------------------------------------------------------------------------------------

# A machine that has none of the libraries.
NOTHING_FOUND = "[binaries]\ncmake = 'no-cmake'\n[properties]\nboost_root = '/nowhere'\n"


def linked_libraries(flags: str) -> set[str]:
    """By their names: z for -lz and for /usr/lib/libz.so."""
    names = set(re.findall(r"(?:^|\s)(?:-l|/\S*/lib)([^/\s]+?)(?:\.so|\.a)?(?=\s|$)", flags))
    return names | set(re.findall(r"-pthread", flags))


class Meson(Sources):
    def setUp(self) -> None:
        super().setUp()
        if not shutil.which("meson") or not shutil.which("ninja"):
            self.skipTest("meson or ninja is not on this machine")
        folder = tempfile.TemporaryDirectory(prefix="skyutil-meson-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.build = self.folder / "build"

    def meson(self, *arguments: object, fails: bool = False, **environment: str) -> str:
        command = ["meson", *map(str, arguments)]
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.assertEqual(done.returncode != 0, fails, done.stdout)
        self.assertNotIn("WARNING", done.stdout)
        return done.stdout

    def made_here(self) -> dict[str, list[str]]:
        """The options that make each component, of those that the libraries here suffice for."""
        options: dict[str, list[str]] = {
            "core": [],
            "hash": ["hash"],
            "hash_openssl": ["hash", "openssl"],
            "asio": ["asio"],
        }
        return {name: options[name] for name in options if self.cmake[name].linked}

    def consumer(self) -> Path:
        project = self.folder / "consumer"
        shutil.copytree(SOURCES / "tests/consumer", project)
        (project / "subprojects").mkdir()
        (project / "subprojects/skyutil").symlink_to(SOURCES)
        return project

    def test_each_component_is_installed_with_the_headers_that_cmake_gives_it(self) -> None:
        made_here = self.made_here()
        together = [
            {"core"},
            *({"core", "hash", name} & set(made_here) for name in ("hash", "hash_openssl")),
        ]
        together += [{"core", "asio"} & set(made_here), set(made_here)]
        for number, names in enumerate(together):
            on = {option for name in names for option in made_here[name]}
            asked = [f"-D{option}={'enabled' if option in on else 'disabled'}" for option in OPTIONS]
            self.meson(
                "setup", *["--reconfigure"] * (number > 0), *asked, "--prefix=/usr", self.build, SOURCES
            )
            target = self.folder / f"installed-{number}"
            self.meson("install", "--quiet", "-C", self.build, "--destdir", target)
            installed = {
                str(file.relative_to(target / "usr")) for file in target.rglob("*") if file.is_file()
            }
            wanted = set().union(*(self.cmake[name].headers for name in names))
            if {"hash", "asio"} <= names:
                wanted |= self.cmake["skyutil"].headers
            wanted |= {
                f"share/pkgconfig/skyutil{'-' + name if name != 'core' else ''}.pc" for name in names
            }
            self.assertEqual(installed, wanted | {"share/licenses/skyutil/LICENSE"}, names)

    def test_what_links_a_component_links_what_its_file_for_pkg_config_names(self) -> None:
        asked = [
            f"-Dskyutil:{option}=enabled" for option in sorted(set().union(*self.made_here().values()))
        ]
        self.meson("setup", "--force-fallback-for=skyutil", *asked, self.build, self.consumer())
        rules = (self.build / "build.ninja").read_text()
        for name in self.made_here():
            rule = re.search(rf"^build {name}: .*\n(?: .*\n)*? LINK_ARGS = (.*)$", rules, re.M)
            assert rule, name
            pc_name = "skyutil" if name == "core" else "skyutil-" + name
            done = subprocess.run(
                ["pkg-config", "--libs", pc_name],
                env={**os.environ, "PKG_CONFIG_PATH": str(self.build / "subprojects/skyutil")},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            self.assertEqual(linked_libraries(rule[1]), linked_libraries(done.stdout), name)

    def test_what_is_missing_is_named_with_its_packages(self) -> None:
        (self.folder / "nothing.ini").write_text(NOTHING_FOUND)
        nothing = f"--native-file={self.folder / 'nothing.ini'}"
        for option, sentence in {
            "hash": "Without skyutil-hash, which needs Crypto++ (Debian, Ubuntu: libcrypto++-dev;",
            "openssl": "skyutil-hash_openssl needs skyutil-hash",
            "asio": "Without skyutil-asio, which needs Boost 1.81 or newer (Debian 12:",
        }.items():
            said = self.meson(
                "setup",
                nothing,
                f"-D{option}=enabled",
                self.build,
                SOURCES,
                fails=True,
                PKG_CONFIG_LIBDIR="/nowhere",
            )
            self.assertIn(sentence, said)
            shutil.rmtree(self.build)

    def test_version_standard_and_options_are_those_of_the_other_builders(self) -> None:
        project = json.loads(self.meson("introspect", "--projectinfo", SOURCES / "meson.build"))
        self.assertEqual((project["descriptive_name"], project["version"]), ("skyutil", version()))
        options = {
            option["name"]: option
            for option in json.loads(self.meson("introspect", "--buildoptions", SOURCES / "meson.build"))
        }
        self.assertIn(f"default_options : 'cpp_std={self.standard}'", read("meson.build"))
        own = {name: option["value"] for name, option in options.items() if option["section"] == "user"}
        features = json.loads(read("packaging/vcpkg/ports/skyutil/vcpkg.json"))["features"]
        self.assertEqual(set(own), set(features))
        self.assertEqual(set(own.values()), {"auto"})


if __name__ == "__main__":
    unittest.main()
