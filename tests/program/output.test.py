#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the program prints: all of it or an error, JSON that loses nothing, help, completions, manual.

    SKYUTIL_TEST_PROGRAM=build/dev/examples/skyutil python3 tests/program/output.test.py
"""

from __future__ import annotations

import base64
import json
import os
import pty
import random
import re
import select
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import PROGRAM, ProgramTest, has_command, skyutil  # noqa: E402


def commands() -> list[str]:
    """The names of all commands, as the help lists them."""
    listed = skyutil("--help").out.decode().partition("Subcommands:\n")[2]
    return re.findall(r"^  ([a-z0-9-]+) ", listed, re.MULTILINE)


def options(command: str) -> list[str]:
    """The long names of the options of a command, as its help lists them."""
    return re.findall(
        r"(?:^  |,)(--[a-z-]+)", skyutil(command, "--help").out.decode(), re.MULTILINE
    )


class Output(ProgramTest):
    def lines(self) -> list[list[str]]:
        """Command lines that print something."""
        self.write("log", b"a\nb\n")
        self.write("list", skyutil("hash", "log", cwd=self.here).out)
        lines = [["--help"], ["-h"], ["--version"]]
        lines += [[command, "--help"] for command in commands()]
        lines += [[command, "-h"] for command in commands()]
        for json_too in ([], ["--json"]):
            lines += [
                ["tail", "log", *json_too],
                ["tail", "-n+1", "log", *json_too],
                ["hash", "log", *json_too],
                ["hash", "-c", "list", *json_too],
                ["port", *json_too],
                ["port", "--check", "65535", *json_too],
                ["alive", str(os.getpid()), "0", *json_too],
                ["ps", str(os.getpid()), *json_too],
                ["workers", "--sources", "3", *json_too],
                ["base36", "ff", *json_too],
                ["inspect", *json_too],
            ]
        lines += [["completions", shell] for shell in ("bash", "zsh", "fish")]
        return lines + [["manual"]]

    def check_reported(self, words: list[str], code: int, err: bytes) -> None:
        with self.subTest(words=words, err=err):
            self.assertIn(code, (2, 125) if words[0] == "run" else (2,))
            self.assertEqual(err, b"skyutil: cannot write to standard output\n")

    def test_a_full_device_is_an_error(self) -> None:
        if not os.access("/dev/full", os.W_OK):
            self.skipTest("there is no /dev/full")
        for words in self.lines():
            with open("/dev/full", "wb") as full:
                outcome = skyutil(*words, stdout=full, cwd=self.here)
            self.check_reported(words, outcome.code, outcome.err)

    def test_a_closed_standard_output_is_an_error(self) -> None:
        for words in self.lines():
            outcome = skyutil(*words, preexec_fn=lambda: os.close(1), cwd=self.here)
            self.check_reported(words, outcome.code, outcome.err)

    def test_nothing_is_written_into_files_when_all_streams_are_closed(self) -> None:
        self.write("log", b"a\n")
        self.write("list", skyutil("hash", "log", cwd=self.here).out)

        def close_all() -> None:
            for fd in range(3):
                os.close(fd)

        for words in (
            ["hash", "log"],
            ["hash", "missing"],
            ["hash", "-c", "list"],
            ["tail", "log"],
        ):
            outcome = skyutil(*words, preexec_fn=close_all, cwd=self.here)
            self.assertEqual((words, *outcome), (words, 2, b"", b""))
        self.assertEqual((self.here / "log").read_bytes(), b"a\n")

    def test_messages_name_the_program_once_and_no_function(self) -> None:
        self.refuses("base36", "12g", says=("position 2",))
        self.refuses("base36", "-d", "a_b", says=("'_'",))
        self.refuses("ps", "0", says=("process 0",))
        self.refuses("kill-tree", "--", "-1", says=("process -1",))
        self.refuses("port", "20000", "--last", "19999")
        self.refuses("port", "-c", "11", "20000", "--last", "20009", says=("11 ports",))
        self.refuses("hash", "-c", "missing", says=("missing", "No such file or directory"))
        self.refuses("tail", "no\nsuch", says=("no?such",))
        self.refuses("tail", "\x1b[31m\u009b31m\x7f", says=("?[31m?31m?",))


class JsonBytes(ProgramTest):
    def test_bytes_that_are_no_utf8_are_in_base64(self) -> None:
        generator = random.Random(3)
        texts = [
            b"\xff", b"a\xffb", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
            b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98",
            b"\x80", b"abc", "é€😀\u0001\x7f\ufffd".encode(), b"\xf4\x8f\xbf\xbf", b"\xee\x80\x80", b"",
        ]  # fmt: skip
        texts += [
            bytes(
                generator.choices([0x41, 0x80, 0xBF, 0xC3, 0xE2, 0x82, 0xED, 0xA0, 0xF0, 0x9F], k=6)
            )
            for _ in range(500)
        ]
        self.write("log", b"".join(text + b"\n" for text in texts))
        page = json.loads(skyutil("tail", "--json", "-n", "1000", "log", cwd=self.here).out)
        self.assertEqual(len(page["lines"]), len(texts))
        self.assertEqual(page["file"], "log")
        self.assertNotIn("file_bytes", page)
        for text, line, coded in zip(texts, page["lines"], page["lines_bytes"]):
            with self.subTest(text=text):
                try:
                    self.assertEqual((line, coded), (text.decode(), None))
                except UnicodeDecodeError:
                    self.assertEqual(base64.b64decode(coded, validate=True), text)
                    self.assertIn("\ufffd", line)

    def test_text_that_is_utf8_has_no_second_member(self) -> None:
        self.write("é", b"abc\n")
        page = json.loads(skyutil("tail", "--json", "é", cwd=self.here).out)
        self.assertEqual(page, {"file": "é", "lines": ["abc"]})
        (entry,) = json.loads(skyutil("hash", "--json", "é", cwd=self.here).out)
        self.assertEqual(list(entry), ["file", "algorithm", "digest", "error"])

    def test_two_names_are_never_the_same(self) -> None:
        names = [b"\xff", b"\xfe", b"\xff\xfe", "\ufffd".encode()]
        for name in names:
            self.write(name, b"abc")
        pages = json.loads(skyutil("hash", "--json", *names, b"\xfd", cwd=self.here).out)
        found = [
            base64.b64decode(page["file_bytes"]) if "file_bytes" in page else page["file"].encode()
            for page in pages
        ]
        self.assertEqual(found, [*names, b"\xfd"])

    def test_what_a_check_of_inspect_says_loses_nothing(self) -> None:
        missing = os.fsencode(self.here) + b"/\xff"
        spelled_out = str(self.here) + "/\\xff"  # messages of the library hold no bytes that are no text
        outcome = skyutil("inspect", "--json", env={**os.environb, b"TMPDIR": missing})
        self.assertEqual((outcome.code, outcome.err), (1, b""))
        failed = [check for check in json.loads(outcome.out)["checks"] if not check["works"]]
        self.assertGreater(len(failed), 2)
        for check in failed:
            self.assertIn(spelled_out, check["shown"])
            self.assertNotIn("skyutil::", check["shown"])

    def test_names_of_processes_lose_nothing(self) -> None:
        child = subprocess.Popen(
            [sys.executable, "-c", "import ctypes; ctypes.CDLL(None).prctl(15, b'odd\\xff\\n', 0, 0, 0);"
             "print(flush=True); import sys; sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        self.addCleanup(child.communicate)
        assert child.stdout is not None
        child.stdout.readline()
        (entry,) = json.loads(skyutil("ps", "--json", str(child.pid)).out)
        self.assertEqual(entry["pid"], child.pid)
        self.assertEqual(base64.b64decode(entry["name_bytes"]), b"odd\xff\n")
        self.assertEqual(list(entry), ["pid", "parent", "name", "name_bytes", "alive"])


class Documents(ProgramTest):
    def text(self, *words: str) -> str:
        outcome = skyutil(*words)
        self.assertEqual((outcome.code, outcome.err), (0, b""))
        return outcome.out.decode("ascii")

    def tool(self, *words: str, text: str) -> str:
        """What a program says to a text."""
        if shutil.which(words[0]) is None:
            self.skipTest(f"{words[0]} is not installed")
        done = subprocess.run(
            words, input=text, capture_output=True, text=True, timeout=60, check=False, cwd=self.here,
            env={**os.environ, "LC_ALL": "C", "HOME": str(self.here)},
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_the_help_of_each_command_says_what_it_does(self) -> None:
        for command in commands():
            text = self.text(command, "--help")
            self.assertIn(f"Usage: skyutil {command} [OPTIONS]", text)
            self.assertIn("--json", text)

    def test_every_command_and_option_is_in_every_document(self) -> None:
        self.assertGreaterEqual(len(commands()), 11)
        documents = [self.text("completions", shell) for shell in ("bash", "zsh", "fish")]
        documents.append(self.text("manual").replace("\\-", "-"))
        for document in documents:
            for command in commands():
                self.assertRegex(document, rf"\b{command}\b")
                for option in options(command):
                    if option == "--help" and "complete -c" in document:
                        continue  # once, for all commands
                    name = option if "complete -c" not in document else f"-l {option[2:]}"
                    with self.subTest(command=command, option=option):
                        self.assertIn(name, document)

    def test_an_unknown_shell_is_refused(self) -> None:
        self.refuses("completions", "csh", says=("shell", "'csh'", "bash zsh fish"))
        self.refuses("completions")
        self.refuses("manual", "--json")
        self.refuses("completions", "--json", "bash")

    def complete(self, *words: str) -> list[str]:
        """What bash offers for the last word of a command line."""
        script = self.text("completions", "bash") + (
            "compopt() { :; }\n"
            "COMP_WORDS=(skyutil " + " ".join(f"'{word}'" for word in words) + ")\n"
            f"COMP_CWORD={len(words)}\n_skyutil\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        )
        return sorted(self.tool("bash", "--norc", "-s", text=script).split())

    def test_bash_reads_its_completions(self) -> None:
        self.tool("bash", "-n", text=self.text("completions", "bash"))

    def test_bash_completes_commands_options_and_values(self) -> None:
        self.write("log.txt", b"")
        self.assertEqual(self.complete(""), sorted([*commands(), "--help", "--version"]))
        self.assertEqual(self.complete("ha"), ["hash"])
        self.assertEqual(self.complete("tail", "--l"), ["--lines"])
        self.assertEqual(self.complete("tail", "lo"), ["log.txt"])
        self.assertEqual(self.complete("tail", "-n", ""), [])
        self.assertEqual(
            self.complete("hash", "--algorithm", "sha3"), ["sha384", "sha3_256", "sha3_512"]
        )
        self.assertEqual(self.complete("hash", "-a", "md"), ["md5"])
        self.assertEqual(self.complete("hash", "-c", "l"), ["log.txt"])
        # bash splits at "=".
        self.assertEqual(self.complete("port", "--family", "=", "ip"), ["ipv4", "ipv6"])
        self.assertEqual(self.complete("port", "--family", "="), ["both", "ipv4", "ipv6"])
        self.assertEqual(self.complete("completions", ""), ["bash", "fish", "zsh"])
        self.assertEqual(self.complete("frobnicate", ""), [])
        self.assertIn(str(os.getpid()), self.complete("ps", ""))
        for command in commands():
            self.assertEqual(self.complete(command, "--js"), ["--json"])
            self.assertLessEqual({*options(command)}, {*self.complete(command, "--")})

    def test_bash_completes_the_command_of_run(self) -> None:
        if not has_command("run"):
            self.skipTest("built without run")
        self.write("log.txt", b"")
        self.assertIn("bash", self.complete("run", "bas"))
        self.assertIn("bash", self.complete("run", "--timeout", "5", "bas"))
        self.assertIn("bash", self.complete("run", "--", "bas"))
        self.assertEqual(self.complete("run", "cat", "lo"), ["log.txt"])
        self.assertEqual(self.complete("run", "--timeout", "5", "cat", "lo"), ["log.txt"])
        self.assertEqual(self.complete("run", "cat", "--js"), [])

    def test_zsh_reads_its_completions(self) -> None:
        text = self.text("completions", "zsh")
        self.tool("zsh", "-f", "-n", text=text)
        check = text.replace("#compdef skyutil\n", "autoload -Uz compinit && compinit -u -D\n")
        found = self.tool("zsh", "-f", "-s", text=check + "\nprint $_comps[skyutil]\n")
        self.assertEqual(found, "_skyutil\n")

    def test_zsh_completes_commands_and_values(self) -> None:
        if shutil.which("zsh") is None:
            self.skipTest("zsh is not installed")
        self.write("_skyutil", self.text("completions", "zsh").encode())
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.here)
            os.environ["TERM"] = "dumb"
            os.execlp("zsh", "zsh", "-f", "-i")
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.close, terminal)  # it gets SIGHUP

        def until(*texts: bytes) -> None:
            seen = b""
            while not all(text in seen for text in texts):
                self.assertTrue(select.select([terminal], [], [], 60)[0], f"only {seen!r}")
                seen += os.read(terminal, 65536)

        start = b"fpath=($PWD $fpath); autoload -Uz compinit && compinit -u -D; COLUMNS=200; print RE''ADY\n"
        os.write(terminal, start)
        until(b"READY\r\n")
        for typed, offered in (
            (b"skyutil port --family ip", (b"ipv4", b"ipv6")),
            (b"skyutil completions ", (b"bash", b"fish", b"zsh")),
            (b"skyutil hash --qu", (b"hash --quiet",)),
            (b"skyutil ", (b"kill-tree", b"inspect", b"Print the last lines")),
        ):
            os.write(terminal, typed + b"\t\t")
            until(*offered)
            os.write(terminal, b"\x15")  # the line is gone

    def test_fish_completes_commands_and_options(self) -> None:
        text = self.text("completions", "fish")
        self.write("skyutil.fish", text.encode())

        def complete(line: str) -> list[str]:
            script = f"source skyutil.fish\ncomplete --do-complete='{line}'\n"
            return [
                each.split("\t")[0]
                for each in self.tool("fish", "--no-config", text=script).splitlines()
            ]

        self.assertEqual(complete("skyutil ha"), ["hash"])
        self.assertEqual(complete("skyutil tail --li"), ["--lines"])
        self.assertEqual(complete("skyutil port --family ip"), ["ipv4", "ipv6"])

    def test_groff_takes_the_manual_without_a_warning(self) -> None:
        text = self.text("manual")
        shown = self.tool("groff", "-man", "-ww", "-Tascii", "-P-c", text=text)
        plain = re.sub(".\b", "", shown)
        self.assertIn("skyutil hash [OPTION]... [file]...", plain)
        for command in commands():
            self.assertIn(f"skyutil {command}", plain)

    def test_man_shows_the_manual(self) -> None:
        if shutil.which("man") is None or shutil.which("groff") is None:
            self.skipTest("man is not installed")
        self.write("skyutil.1", self.text("manual").encode())
        shown = self.tool("man", "-P", "cat", "-l", "skyutil.1", text="")
        self.assertIn("EXIT STATUS", re.sub(".\b", "", shown))


if __name__ == "__main__":
    unittest.main()
