# SPDX-License-Identifier: MIT
#
# check_conanfile.py SOURCES VERSION: loads conanfile.py with stand-ins for Conan's modules and checks what it says.

import fnmatch
import os
import re
import shutil
import sys
import tempfile
import types
from pathlib import Path
from unittest import mock

sources, version = Path(sys.argv[1]), sys.argv[2]


class Version(str):
    def __lt__(self, other):
        return self.numbers() < Version(other).numbers()

    def __ge__(self, other):
        return not self < other

    def numbers(self):
        return [int(number) for number in self.split(".")]


class ConanInvalidConfiguration(Exception):
    pass


class Component:
    def __init__(self):
        self.properties, self.requires, self.system_libs = {}, [], []

    def set_property(self, name, value):
        self.properties[name] = value


class Components(dict):
    def __missing__(self, name):
        return self.setdefault(name, Component())


class ConanFile:
    version = None
    conan_data = None


def check_min_cppstd(conanfile, standard):
    if int(conanfile.settings.compiler.cppstd) < standard:
        raise ConanInvalidConfiguration("the C++ standard is too old")


def copy(_, pattern, source, destination):
    for file in Path(source).rglob("*"):
        name = file.relative_to(source)
        if file.is_file() and fnmatch.fnmatch(str(name), pattern):
            (Path(destination) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, Path(destination) / name)


def stand_in(name, **members):
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module


stand_in("conan", ConanFile=ConanFile)
stand_in("conan.errors", ConanInvalidConfiguration=ConanInvalidConfiguration)
stand_in("conan.tools")
stand_in("conan.tools.build", check_min_cppstd=check_min_cppstd, can_run=mock.Mock())
stand_in("conan.tools.cmake", CMake=mock.Mock(), CMakeDeps=mock.Mock(), CMakeToolchain=mock.Mock(),
         cmake_layout=mock.Mock())
stand_in("conan.tools.files", copy=copy, get=mock.Mock(), load=lambda _, path: Path(path).read_text())
stand_in("conan.tools.scm", Version=Version)


def load(path):
    module = types.ModuleType("recipe")
    exec(compile(path.read_text(), str(path), "exec"), vars(module))
    recipes = [each for each in vars(module).values()
               if isinstance(each, type) and issubclass(each, ConanFile) and each is not ConanFile]
    assert len(recipes) == 1, f"{path} has {len(recipes)} recipes"
    return module, recipes[0]


class Compiler(str):  # a text with members
    pass


def recipe(with_hash=False, with_asio=False, boost="1.86.0", **settings):
    each = recipe_class()
    each.recipe_folder = each.source_folder = str(sources)
    each.ref = "skyutil/" + version
    each.options = types.SimpleNamespace(with_hash=with_hash, with_asio=with_asio)
    each.settings = types.SimpleNamespace(os=settings.get("os", "Linux"), compiler=Compiler(settings.get("compiler", "gcc")))
    each.settings.compiler.version = settings.get("compiler_version", "12")
    each.settings.compiler.cppstd = settings.get("cppstd", "20")
    each.conf = mock.Mock(get=lambda name, default=None, check_type=None: settings.get("skip_test", default))
    each.dependencies = {"boost": types.SimpleNamespace(ref=types.SimpleNamespace(version=boost))}
    each.cpp_info = Component()
    each.cpp_info.components = Components()
    each.info = mock.Mock()
    each.required, each.test_required = {}, []
    each.requires = lambda reference, **traits: each.required.update({reference.split("/")[0]: traits})
    each.test_requires = lambda reference: each.test_required.append(reference.split("/")[0])
    return each


def refused(**arguments):
    try:
        recipe(**arguments).validate()
    except ConanInvalidConfiguration:
        return True
    return False


module, recipe_class = load(sources / "conanfile.py")
assert module.required_conan_version.startswith(">=2"), module.required_conan_version

# What it is.
assert recipe_class.name == "skyutil"
assert recipe_class.license == "MIT"
assert recipe_class.package_type == "header-library"
assert set(recipe_class.options) == set(recipe_class.default_options) == {"with_hash", "with_asio"}
assert not any(recipe_class.default_options.values())

# The version is the header's, unless a recipe index gives it.
each = recipe()
each.set_version()
assert each.version == version, each.version
each.version = "7.8.9"
each.set_version()
assert each.version == "7.8.9"

# One package for every setting and option.
each = recipe()
each.package_id()
each.info.clear.assert_called_once_with()

# What is needed, and that users of skyutil see its headers.
for with_hash in (False, True):
    for with_asio in (False, True):
        each = recipe(with_hash, with_asio)
        each.requirements()
        wanted = {name for name, is_wanted in (("cryptopp", with_hash), ("boost", with_asio)) if is_wanted}
        assert set(each.required) == wanted, each.required
        assert all(traits["transitive_headers"] for traits in each.required.values())
each = recipe()
each.build_requirements()
assert each.test_required == ["catch2"], each.test_required
each = recipe(skip_test=True)
each.build_requirements()
assert each.test_required == [], each.test_required

# What is refused.
assert not refused()
assert not refused(compiler="clang", compiler_version="16")
assert refused(cppstd="17")
assert refused(os="Windows")
assert refused(compiler_version="11")
assert refused(compiler="clang", compiler_version="15")
assert refused(with_asio=True, boost="1.80.0")
assert not refused(with_asio=True, boost="1.81.0")

# The names are those of the CMake package and of the files for pkg-config.
each = recipe(with_hash=True, with_asio=True)
each.package_info()
assert each.cpp_info.properties["cmake_file_name"] == "skyutil"
assert each.cpp_info.properties["cmake_target_name"] == "skyutil::skyutil"
in_cmake = re.findall(r"skyutil_add_component\((\w+)", (sources / "CMakeLists.txt").read_text())
in_cmake = [name for name in in_cmake if name not in ("name", "all", "hash_openssl")]
assert list(each.cpp_info.components) == in_cmake, (list(each.cpp_info.components), in_cmake)
pc_files = re.findall(r"skyutil_install_pc\(([\w-]+) \"", (sources / "cmake/skyutil-pkg-config.cmake").read_text())
for name, component in each.cpp_info.components.items():
    assert component.properties["cmake_target_name"] == "skyutil::" + name
    assert component.properties["pkg_config_name"] in pc_files, component.properties
    assert component.properties["pkg_config_name"] == ("skyutil" if name == "core" else "skyutil-" + name)
assert each.cpp_info.components["core"].requires == []
assert each.cpp_info.components["core"].system_libs == ["pthread"]
assert each.cpp_info.components["hash"].requires == ["core", "cryptopp::cryptopp"]
assert each.cpp_info.components["asio"].requires == ["core", "boost::headers", "boost::process"]
each = recipe(with_asio=True, boost="1.85.0")
each.package_info()
assert each.cpp_info.components["asio"].requires == ["core", "boost::headers"]
assert "hash" not in each.cpp_info.components

# The package: the licence and every header, from what is exported.
with tempfile.TemporaryDirectory() as directory:
    each = recipe()
    each.export_sources_folder = os.path.join(directory, "exported")
    each.export_sources()
    each.source_folder = each.export_sources_folder
    each.package_folder = os.path.join(directory, "package")
    each.package()
    packaged = {str(file.relative_to(each.package_folder)) for file in Path(each.package_folder).rglob("*")
                if file.is_file()}
headers = {str(file.relative_to(sources)) for file in (sources / "include").rglob("*.hpp")}
assert packaged == headers | {"licenses/LICENSE"}, packaged ^ headers

# test_package uses what it is told to test.
_, test_package = load(sources / "test_package/conanfile.py")
each = test_package()
each.tested_reference_str = "skyutil/" + version
each.requires = mock.Mock()
each.requirements()
each.requires.assert_called_once_with("skyutil/" + version)
