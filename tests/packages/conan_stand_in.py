# SPDX-License-Identifier: MIT
"""Stands in for Conan 2: loads a recipe as Conan does and gives it the parts of Conan that skyutil's recipes use.

What is not here a recipe cannot call. Commands go through a shell, as they do with Conan.
"""

from __future__ import annotations

import fnmatch
import shutil
import subprocess
import sys
import tarfile
import types
from pathlib import Path
from typing import Any


class ConanInvalidConfiguration(Exception):
    pass


class Version(str):
    def __lt__(self, other: str) -> bool:
        return self._numbers() < Version(other)._numbers()

    def __ge__(self, other: str) -> bool:
        return not self < other

    def _numbers(self) -> list[int]:
        return [int(number) for number in self.split(".")]


class Setting(str):
    """A value with settings of its own."""

    version: str
    cppstd: str | None


class Options(types.SimpleNamespace):
    def get_safe(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)


class Conf(dict[str, Any]):
    def get(self, name: str, default: Any = None, check_type: type | None = None) -> Any:
        value = dict.get(self, name, default)
        assert check_type is None or value is None or isinstance(value, check_type), f"{name}={value!r}"
        return value


class Component:
    def __init__(self) -> None:
        self.properties: dict[str, str] = {}
        self.requires: list[str] = []
        self.system_libs: list[str] = []
        self.includedirs, self.libdirs, self.bindirs = ["include"], ["lib"], ["bin"]

    def set_property(self, name: str, value: str) -> None:
        self.properties[name] = value


class CppInfo(Component):
    def __init__(self) -> None:
        super().__init__()
        self.components = Components()


class Components(dict[str, Component]):
    def __missing__(self, name: str) -> Component:
        return self.setdefault(name, Component())


class Info:
    cleared = False

    def clear(self) -> None:
        self.cleared = True


class ConanFile:
    """A recipe at work; `folder` is where the recipe is, all it makes is below `work`."""

    name: str | None = None
    version: str | None = None
    conan_data: dict[str, Any] | None = None
    options: Any = {}
    default_options: dict[str, Any] = {}

    def __init__(self, folder: Path, work: Path, conf: dict[str, Any] | None = None, boost: str | None = None,
                 boost_options: dict[str, bool] | None = None, settings: dict[str, Any] | None = None,
                 **options: bool) -> None:
        given: dict[str, Any] = {"os": "Linux", "compiler": "gcc", "compiler.version": "12", "compiler.cppstd": "20",
                 "build_type": "Release", **(settings or {})}
        self.settings = types.SimpleNamespace(os=given["os"], build_type=given["build_type"],
                                              compiler=Setting(given["compiler"]))
        self.settings.compiler.version = given["compiler.version"]
        self.settings.compiler.cppstd = given["compiler.cppstd"]
        unknown = set(options) - set(self.options)
        assert not unknown, f"the recipe has no option {unknown}"
        self.options = Options(**{**self.default_options, **options})
        self.conf = Conf(conf or {})
        self.recipe_folder = str(folder)
        self.export_sources_folder = str(work / "exported")
        self.package_folder = str(work / "package")
        self.source_folder = self.build_folder = ""
        self.work = work
        self.ref = f"{self.name}/{self.version}"
        self.info, self.cpp_info = Info(), CppInfo()
        self.required: dict[str, str] = {}
        self.traits: dict[str, dict[str, bool]] = {}
        self.test_required: dict[str, str] = {}
        self.boost, self.boost_options = boost, boost_options or {}
        self.dependencies: dict[str, Any] = {}
        self.cache_variables: dict[str, Any] = {}
        self.called: list[str] = []

    def requires(self, reference: str, **traits: bool) -> None:
        name, version = reference.split("/")
        self.required[name], self.traits[name] = version, traits
        if name == "boost":
            version = self.boost or version
        self.dependencies[name] = types.SimpleNamespace(ref=types.SimpleNamespace(version=version),
                                                        options=Options(**self.boost_options))

    def test_requires(self, reference: str) -> None:
        name, version = reference.split("/")
        self.test_required[name] = version

    def run(self, command: str, cwd: str | None = None) -> None:
        done = subprocess.run(command, shell=True, cwd=cwd or self.build_folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}"


def basic_layout(conanfile: ConanFile, src_folder: str = ".") -> None:
    _lay_out(conanfile, src_folder)


def cmake_layout(conanfile: ConanFile, src_folder: str = ".") -> None:
    _lay_out(conanfile, src_folder)


def _lay_out(conanfile: ConanFile, src_folder: str) -> None:
    base = conanfile.work / "source"
    conanfile.source_folder = str(base / src_folder)
    conanfile.build_folder = str(conanfile.work / "build")


def valid_min_cppstd(conanfile: ConanFile, standard: int) -> bool:
    current = conanfile.settings.compiler.cppstd
    return current is not None and int(str(current).replace("gnu", "")) >= standard


def copy(conanfile: ConanFile, pattern: str, src: str, dst: str) -> None:
    for file in Path(src).rglob("*"):
        name = file.relative_to(src)
        if fnmatch.fnmatch(str(name), pattern) and "__pycache__" not in name.parts and file.is_file():
            (Path(dst) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, Path(dst) / name)


def get(conanfile: ConanFile, url: str, sha256: str, strip_root: bool = False) -> None:
    """Unpacks a file on this machine to the folder of the sources."""
    assert url.startswith("file://") and len(sha256) == 64 and strip_root, url
    with tarfile.open(url[len("file://"):]) as archive:
        for member in archive.getmembers():
            member.name = member.name.partition("/")[2]
            if member.isfile():
                archive.extract(member, conanfile.source_folder)


class CMakeToolchain:
    def __init__(self, conanfile: ConanFile) -> None:
        self._conanfile = conanfile
        self.cache_variables: dict[str, Any] = {}

    def generate(self) -> None:
        self._conanfile.cache_variables = self.cache_variables
        self._conanfile.called.append("CMakeToolchain")


class CMakeDeps:
    def __init__(self, conanfile: ConanFile) -> None:
        self._conanfile = conanfile

    def generate(self) -> None:
        self._conanfile.called.append("CMakeDeps")


class CMake:
    """Configures, and lists the tests that ctest() would run; nothing is compiled."""

    program, options = "cmake", [""]

    def __init__(self, conanfile: ConanFile) -> None:
        assert {"CMakeToolchain", "CMakeDeps"} <= set(conanfile.called), "generate() has made no toolchain"
        self._conanfile = conanfile

    def configure(self) -> None:
        variables = {"CMAKE_BUILD_TYPE": self._conanfile.settings.build_type, **self._conanfile.cache_variables}
        Path(self._conanfile.build_folder).mkdir(parents=True)
        words = [f'"{self.program}"', "-G Ninja", f'"{self._conanfile.source_folder}"']
        words += [f'-D{name}="{value}"' for name, value in variables.items()] + self.options
        self._conanfile.run(" ".join(words))
        self._conanfile.called.append("configure")

    def build(self) -> None:
        assert "configure" in self._conanfile.called
        self._conanfile.called.append("build")

    def ctest(self, cli_args: list[str] | None = None) -> None:
        assert "build" in self._conanfile.called
        ctest = Path(self.program).with_name("ctest")
        self._conanfile.run(" ".join([f'"{ctest}"', "--show-only=json-v1", *(cli_args or []), ">tests.json"]))
        self._conanfile.called.append("ctest")


def _module(name: str, **members: Any) -> None:
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module


def can_run(conanfile: ConanFile) -> bool:
    return True


def load_text(conanfile: ConanFile, path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


_module("conan", ConanFile=ConanFile)
_module("conan.errors", ConanInvalidConfiguration=ConanInvalidConfiguration)
_module("conan.tools")
_module("conan.tools.build", valid_min_cppstd=valid_min_cppstd, can_run=can_run)
_module("conan.tools.cmake", CMake=CMake, CMakeDeps=CMakeDeps, CMakeToolchain=CMakeToolchain, cmake_layout=cmake_layout)
_module("conan.tools.files", copy=copy, get=get, load=load_text)
_module("conan.tools.layout", basic_layout=basic_layout)
_module("conan.tools.scm", Version=Version)


def load(path: Path) -> tuple[types.ModuleType, type[Any]]:
    """The module and its recipe, which must be the only one."""
    module = types.ModuleType("recipe")
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), vars(module))
    recipes = [each for name, each in vars(module).items()
               if isinstance(each, type) and issubclass(each, ConanFile) and each.__module__ == "recipe"
               and not name.startswith("_")]
    assert len(recipes) == 1, f"{path} has {len(recipes)} recipes"
    return module, recipes[0]
