# SPDX-License-Identifier: MIT

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import valid_min_cppstd
from conan.tools.files import copy, get
from conan.tools.layout import basic_layout
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
    options = {"with_hash": [True, False], "with_openssl": [True, False], "with_asio": [True, False]}
    default_options = {"with_hash": False, "with_openssl": False, "with_asio": False}
    no_copy_source = True

    @property
    def _with_hash(self):
        return bool(self.options.with_hash or self.options.with_openssl)

    @property
    def _compiled_boost_process(self):
        return Version(self.dependencies["boost"].ref.version) >= "1.86"

    def layout(self):
        basic_layout(self, src_folder="src")

    def requirements(self):
        # transitive_headers: the headers of skyutil include theirs.
        if self._with_hash:
            self.requires("cryptopp/8.9.0", transitive_headers=True, transitive_libs=True)
        if self.options.with_openssl:
            self.requires("openssl/[>=1.1 <4]", transitive_headers=True, transitive_libs=True)
        if self.options.with_asio:
            self.requires("boost/1.83.0", transitive_headers=True, transitive_libs=True)

    def package_id(self):
        self.info.clear()

    def validate(self):
        if not valid_min_cppstd(self, 20):
            raise ConanInvalidConfiguration(
                f"{self.ref} is C++20: add -s compiler.cppstd=20 to the command, or compiler.cppstd=20 to the profile")
        if self.settings.os not in ("Linux", "Windows"):
            raise ConanInvalidConfiguration(f"{self.ref} runs on Linux and Windows so far")
        oldest = {"gcc": "12", "clang": "16", "msvc": "193"}.get(str(self.settings.compiler))
        if oldest and Version(self.settings.compiler.version) < oldest:
            raise ConanInvalidConfiguration(f"{self.ref} needs {self.settings.compiler} {oldest} or newer")
        if self.options.with_asio:
            boost = self.dependencies["boost"]
            if Version(boost.ref.version) < "1.81":
                raise ConanInvalidConfiguration(f"{self.ref} needs Boost 1.81 or newer, for Boost.Process v2")
            for option in ("header_only", "without_process"):
                if self._compiled_boost_process and boost.options.get_safe(option):
                    raise ConanInvalidConfiguration(
                        f"{self.ref} with_asio links Boost.Process, a library from Boost 1.86 on: "
                        f"add -o \"boost/*:{option}=False\"")

    def source(self):
        get(self, **self.conan_data["sources"][self.version], strip_root=True)

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
        elif self.settings.os == "Windows":
            self.cpp_info.components["core"].system_libs = ["bcrypt", "ntdll", "ws2_32"]
        if self._with_hash:
            self._add_component("hash", "skyutil-hash", ["core", "cryptopp::cryptopp"])
        if self.options.with_openssl:
            self._add_component("hash_openssl", "skyutil-hash_openssl", ["hash", "openssl::crypto"])
        if self.options.with_asio:
            process = ["boost::process"] if self._compiled_boost_process else []
            self._add_component("asio", "skyutil-asio", ["core", "boost::headers", *process])

    def _add_component(self, name, pkg_config_name, requires):
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", f"skyutil::{name}")
        component.set_property("pkg_config_name", pkg_config_name)
        component.requires = requires
        component.bindirs = []
        component.libdirs = []


# In skyutil's own tree, "conan create ." takes the sources from around this file, and
# "-c tools.build:skip_test=False" builds and runs their tests. (packaging/recipes leaves this out.)

import re

from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import load


class SkyutilConan(SkyutilConan):
    @property
    def _runs_tests(self):
        return not self.conf.get("tools.build:skip_test", default=True, check_type=bool)

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "include", "skyutil", "version.hpp"))
        self.version = ".".join(re.findall(r"^#define SKYUTIL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", header, re.MULTILINE))

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "tests/*"):
            copy(self, pattern, self.recipe_folder, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def source(self):
        pass

    def build_requirements(self):
        if self._runs_tests:
            self.test_requires("catch2/3.7.1")
            self.test_requires("nlohmann_json/3.11.3")

    def generate(self):
        if self._runs_tests:
            toolchain = CMakeToolchain(self)
            toolchain.cache_variables["SKYUTIL_WITH_HASH"] = self._with_hash
            toolchain.cache_variables["SKYUTIL_WITH_HASH_OPENSSL"] = bool(self.options.with_openssl)
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
            # Not those that look at the whole tree.
            cmake.ctest(["--output-on-failure", "-LE", "once"])
