# SPDX-License-Identifier: MIT
#
# skyutil as a Conan package (Conan 2.8 or newer):
#
#     conan create . -s compiler.cppstd=20 -o "&:with_hash=True" --build=missing
#
# The same file serves this tree and a recipe index: there conandata.yml says where the sources are.

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, get, load
from conan.tools.scm import Version

required_conan_version = ">=2.8"


class SkyutilConan(ConanFile):
    name = "skyutil"
    description = "CPU and memory limits, processes, ports, files, hashes and strings for C++20 services"
    license = "MIT"
    url = "https://github.com/conan-io/conan-center-index"
    homepage = "https://github.com/skyutil/skyutil"
    topics = ("header-only", "cgroups", "process", "subprocess", "hash", "ports")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_hash": [True, False], "with_asio": [True, False]}
    default_options = {"with_hash": False, "with_asio": False}
    no_copy_source = True

    @property
    def _runs_tests(self):
        return not self.conf.get("tools.build:skip_test", default=True, check_type=bool)

    def set_version(self):
        if not self.version:
            header = load(self, os.path.join(self.recipe_folder, "include", "skyutil", "version.hpp"))
            numbers = re.findall(r"^#define SKYUTIL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", header, re.MULTILINE)
            self.version = ".".join(numbers)

    def export_sources(self):
        if not self.conan_data:
            for pattern in ("CMakeLists.txt", "LICENSE", "CHANGELOG.md", "cmake/*", "include/*", "tests/*"):
                copy(self, pattern, self.recipe_folder, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        # transitive_headers: the headers of skyutil include theirs.
        if self.options.with_hash:
            self.requires("cryptopp/8.9.0", transitive_headers=True, transitive_libs=True)
        if self.options.with_asio:
            self.requires("boost/1.86.0", transitive_headers=True, transitive_libs=True)

    def build_requirements(self):
        # For the tests in these sources, which "-c tools.build:skip_test=False" builds and runs. "conan install ."
        # brings it to those who build without Conan.
        if not self.conan_data and not self.conf.get("tools.build:skip_test", default=False, check_type=bool):
            self.test_requires("catch2/3.7.1")
            if self._runs_tests:
                self.test_requires("nlohmann_json/3.11.3")

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration(f"{self.ref} runs on Linux so far")
        oldest = {"gcc": "12", "clang": "16"}.get(str(self.settings.compiler))
        if oldest and Version(self.settings.compiler.version) < oldest:
            raise ConanInvalidConfiguration(f"{self.ref} needs {self.settings.compiler} {oldest} or newer")
        if self.options.with_asio and Version(self.dependencies["boost"].ref.version) < "1.81":
            raise ConanInvalidConfiguration(f"{self.ref} needs Boost 1.81 or newer, for Boost.Process v2")

    def source(self):
        if self.conan_data:
            get(self, **self.conan_data["sources"][self.version], strip_root=True)

    def generate(self):
        if self._runs_tests:
            toolchain = CMakeToolchain(self)
            toolchain.cache_variables["SKYUTIL_WITH_HASH"] = bool(self.options.with_hash)
            toolchain.cache_variables["SKYUTIL_WITH_ASIO"] = bool(self.options.with_asio)
            toolchain.cache_variables["SKYUTIL_BUILD_EXAMPLES"] = False
            toolchain.cache_variables["SKYUTIL_BUILD_BENCHMARKS"] = False
            toolchain.generate()
            CMakeDeps(self).generate()

    def build(self):
        if self._runs_tests:
            cmake = CMake(self)
            cmake.configure()
            cmake.build()
            # Those of the functions: the others look at the whole tree.
            cmake.ctest(["--output-on-failure", "-E", "^(compile_fail|headers|include graph|package|readme|version): "])

    def package(self):
        # All headers, whatever the options: these say what is linked, and one package serves them all.
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        # The names are those of the CMake package and the .pc files that the sources install.
        self.cpp_info.set_property("cmake_file_name", "skyutil")
        self.cpp_info.set_property("cmake_target_name", "skyutil::skyutil")
        self.cpp_info.set_property("pkg_config_name", "skyutil-all")

        self._add_component("core", "skyutil", [])
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.components["core"].system_libs = ["pthread"]
        if self.options.with_hash:
            self._add_component("hash", "skyutil-hash", ["core", "cryptopp::cryptopp"])
        if self.options.with_asio:
            process = ["boost::headers"]
            if Version(self.dependencies["boost"].ref.version) >= "1.86":
                process.append("boost::process")
            self._add_component("asio", "skyutil-asio", ["core", *process])

    def _add_component(self, name, pkg_config_name, requires):
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", f"skyutil::{name}")
        component.set_property("pkg_config_name", pkg_config_name)
        component.requires = requires
        component.bindirs = []
        component.libdirs = []
