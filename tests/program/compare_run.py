#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows "skyutil run" beside timeout(1), env(1), nice(1) and nohup(1), on a pseudo-terminal.

    tests/program/compare_run.py build/dev/examples/skyutil [WORD...]

Each row is one situation; each column what came of it under that wrapper. "bare" is the command
without one, which a wrapper should come to. With words only the rows with one of them in their name.
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE = 20
PROMPT = "prompt>"


class Terminal:
    """bash with job control on a pseudo-terminal, at its prompt."""

    def __init__(self):
        self.unread = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for number in range(1, signal.NSIG):  # Python ignores some
                if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                    signal.signal(number, signal.SIG_DFL)
            os.environ["TERM"] = "xterm"
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.type("PS1='pro''mpt>'; HISTFILE=\n")
        self.expect(PROMPT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for line in subprocess.run(["ps", "-s", str(self.pid), "-o", "pid="], check=False,
                                   capture_output=True, text=True).stdout.split():
            try:
                os.kill(int(line), signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.close(self.fd)
        os.waitpid(self.pid, 0)

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text, patience=PATIENCE):
        """What came before the text; None when it does not come."""
        end = time.monotonic() + patience
        while text not in self.unread:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return None
            try:
                self.unread += os.read(self.fd, 4096).decode(errors="replace")
            except OSError:
                return None
        before, _, self.unread = self.unread.partition(text)
        return before

    def code(self):
        if self.expect(PROMPT) is None:
            return "hangs"
        self.type("echo code=$?.\n")
        self.expect("code=$?.")
        self.expect("code=")
        return self.expect(".")


class Wrapper:
    """How a command is run; `timed` is None where there is no limit."""

    def __init__(self, name, plain, timed):
        self.name = name
        self.plain = plain  # in front of a command
        self.timed = timed  # the same with a limit of a second and a grace of one more


def quoted(words):
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


def script(text):
    return ["sh", "-c", text]


def on_terminal(wrapper, prepare, text, act):
    """Runs a script in a terminal; what `act` returns once it is prepared."""
    with Terminal() as terminal:
        terminal.type(quoted(wrapper.plain + script(prepare + "echo rea''dy; " + text)) + "\n")
        if terminal.expect("\nready") is None:
            return "does not start"
        return act(terminal)


def clean_up(wrapper):
    def act(terminal):
        terminal.type("\x03")
        cleaned = terminal.expect("cleaned", 5) is not None
        return ("cleaned up" if cleaned else "cut short") + ", " + terminal.code()

    return on_terminal(wrapper, "trap 'sleep 0.3; echo clean''ed; exit 3' INT; ",
                       "while :; do sleep 0.05; done", act)


def signals_for_one(wrapper):
    def act(terminal):
        terminal.type("\x03")
        time.sleep(0.5)
        terminal.type("end\n")
        terminal.expect("total=")
        return (terminal.expect(".") or "?") + " for one"

    return on_terminal(wrapper, "n=0; trap 'n=$((n+1))' INT; ",
                       "while :; do read line && break; done; echo total=$n.", act)


def python_prompt(wrapper):
    with Terminal() as terminal:
        terminal.type(quoted(wrapper.plain + ["python3", "-q"]) + "\n")
        if terminal.expect(">>> ") is None:
            return "does not start"
        terminal.type("\x03")
        terminal.expect("KeyboardInterrupt", 3)
        terminal.type("print(6*7)\r")
        if terminal.expect("\n42", 3) is None:
            return "ended"
        terminal.type("exit(5)\r")
        return "survives, " + terminal.code()


def loop(wrapper):
    with Terminal() as terminal:
        terminal.type("for i in 1 2 3; do echo rou''nd; "
                      + quoted(wrapper.plain + ["sleep", "2"]) + "; done; echo e''nd\n")
        terminal.expect("round")
        time.sleep(0.5)
        terminal.type("\x03")
        terminal.expect(PROMPT, 10)
        terminal.type("echo last=$i.\n")
        terminal.expect("last=$i.")
        terminal.expect("last=")
        return "stops" if terminal.expect(".") == "1" else "goes on"


def stop_and_continue(wrapper):
    def act(terminal):
        terminal.type("\x1a")
        if terminal.expect("Stopped", 3) is None:
            return "is not stopped"
        terminal.expect(PROMPT)
        terminal.type("fg\n")
        time.sleep(0.5)
        terminal.type("hello\n")
        got = terminal.expect("line hello", 3) is not None
        return ("stops, reads on, " if got else "stops, cannot read, ") + terminal.code()

    return on_terminal(wrapper, "", "read line; echo li''ne $line; exit 4", act)


def stops_itself(wrapper):
    def act(terminal):
        if terminal.expect("Stopped", 3) is None:
            return "no prompt"
        terminal.expect(PROMPT)
        terminal.type("fg\n")
        return "prompt, " + terminal.code()

    return on_terminal(wrapper, "", "kill -STOP $$; exit 4", act)


def ignored_stop(wrapper):
    def act(terminal):
        terminal.type("\x1a")
        stopped = terminal.expect("Stopped", 1) is not None
        return "stops" if stopped else "goes on"

    return on_terminal(wrapper, "trap '' TSTP; ", "read line", act)


def status(command, **options):
    """As a shell has it, but a death by signal shows as what it is."""
    try:
        code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False,
                              **options).returncode
    except subprocess.TimeoutExpired:
        return "hangs"
    except FileNotFoundError:
        return "127"
    except PermissionError:
        return "126"
    return signal.Signals(-code).name if code < 0 else str(code)


def deaths(wrapper):
    return " ".join(status(wrapper.plain + script("kill -%d $$" % number))
                    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1))


def codes(wrapper):
    with tempfile.NamedTemporaryFile() as file:
        return " ".join(status(wrapper.plain + command) for command in
                        (["true"], script("exit 7"), [file.name], ["/no/such/program"]))


def timeout_codes(wrapper):
    if wrapper.timed is None:
        return "-"
    return " ".join(status(wrapper.timed + command) for command in
                    (["sleep", "30"], script("trap 'exit 3' TERM; while :; do sleep 0.05; done"),
                     script("trap '' TERM; while :; do sleep 0.05; done")))


def usage(wrapper):
    return status(wrapper.plain[:1] + (["run"] if "skyutil" in wrapper.name else [])
                  + ["--no-such-option", "5", "true"])


def substitution(wrapper):
    line = "%s cat <(echo hi)" % quoted(wrapper.plain)
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=PATIENCE,
                          check=False).stdout.strip() or "nothing"


def field(wrapper, name, prepare):
    text = subprocess.run(wrapper.plain + ["cat", "/proc/self/status"], capture_output=True,
                          text=True, timeout=PATIENCE, preexec_fn=prepare, check=False,
                          stdin=subprocess.DEVNULL).stdout
    found = re.search(name + r":\s*(\w+)", text)
    return found.group(1).lstrip("0") or "0" if found else "?"


def change_signals():
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR1])


def ignored(wrapper):
    return "ignored %s, blocked %s" % (field(wrapper, "SigIgn", change_signals),
                                       field(wrapper, "SigBlk", change_signals))


def reads_line(wrapper, prepare):
    return subprocess.Popen(wrapper.plain + script("echo $$; read line; exit 5"), text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=prepare,
                            stderr=subprocess.DEVNULL)


def hang_up(wrapper):
    with reads_line(wrapper, lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        try:
            process.communicate("end\n", timeout=PATIENCE)
        except BrokenPipeError:
            process.wait()
        return "goes on" if process.returncode == 5 else "ended"


def left_after(wrapper):
    """How many of a child, one in a session and an orphan in a session outlive the timeout."""
    if wrapper.timed is None:
        return "-"
    with tempfile.TemporaryDirectory() as directory:
        sleeper = 'sh -c "echo \\$\\$ >> %s/pids; exec sleep 60"' % directory
        subprocess.run(wrapper.timed + script(
            "%s & setsid %s & (setsid sh -c '%s & exec sleep 0.01' &); wait; sleep 60"
            % (sleeper, sleeper, sleeper)), check=False, timeout=PATIENCE,
                       stdin=subprocess.DEVNULL)
        left = 0
        with open(directory + "/pids", encoding="ascii") as pids:
            for pid in pids.read().split():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                    left += 1
                except ProcessLookupError:
                    pass
        return "%d of 3 left" % left


def forwarded(wrapper):
    names = ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "CONT", "WINCH", "RTMIN"]
    got = []
    for name in names:
        number = getattr(signal, "SIG" + name)
        process = subprocess.Popen(
            wrapper.plain + script("trap 'echo got' %d; echo ready; "
                                   "while :; do read line && break; done" % number),
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
        with process:
            process.stdout.readline()
            process.send_signal(number)
            if select.select([process.stdout], [], [], 0.5)[0] and process.stdout.readline():
                got.append(name)
            try:
                process.communicate("end\n", timeout=2)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                process.kill()
    return "all" if got == names else " ".join(got) or "none"


def first_process(wrapper):
    container = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if os.geteuid() != 0:
        container += ["--map-root-user"]
    if status(container + ["true"]) != "0":
        return "no namespaces"
    process = subprocess.Popen(
        container + wrapper.plain + script(
            "trap 'echo got' USR1; (sleep 0.1 &); sleep 0.5; "
            "echo $(grep -l '^State:.Z' /proc/[0-9]*/status | wc -l) zombies; "
            "while :; do read line && break; done"),
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        zombies = process.stdout.readline().strip()
        with open("/proc/%d/task/%d/children" % (process.pid, process.pid),
                  encoding="ascii") as children:
            first = int(children.read().split()[0])
        os.kill(first, signal.SIGUSR1)
        passed = select.select([process.stdout], [], [], 1)[0] and process.stdout.readline()
        process.kill()
    return ("passed on, " if passed else "not passed on, ") + zombies


def without_interpreter(wrapper):
    with tempfile.TemporaryDirectory() as directory:
        name = directory + "/script"
        with open(name, "w", encoding="ascii") as file:
            file.write("exit 6\n")
        os.chmod(name, 0o755)
        return status(wrapper.plain + [name])


def options_of_command(wrapper):
    return subprocess.run(wrapper.plain + ["echo", "-x", "--help"], capture_output=True, text=True,
                          timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL).stdout.strip()


def units(wrapper):
    if wrapper.timed is None:
        return "-"
    return status([word if word != "1" else "0.005m" for word in wrapper.timed] + ["sleep", "30"])


def message(wrapper):
    return subprocess.run(wrapper.plain + ["missing"], capture_output=True, text=True,
                          timeout=PATIENCE, check=False,
                          stdin=subprocess.DEVNULL).stderr.strip().split("\n")[-1]


ROWS = [
    ("1 Ctrl-C, a clean-up that takes 0.3 s and exits 3", clean_up),
    ("1 Ctrl-C, interrupts that the command gets", signals_for_one),
    ("1 Ctrl-C, Python at its prompt", python_prompt),
    ("2 Ctrl-C, a loop of the shell", loop),
    ("2 the command dies of TERM, KILL, USR1", deaths),
    ("3 cat <(echo hi)", substitution),
    ("4 SigIgn and SigBlk of the command (201 + 800)", ignored),
    ("4 SIGHUP when it was ignored at the start", hang_up),
    ("5 after the timeout", left_after),
    ("5 Ctrl-Z, fg", stop_and_continue),
    ("5 a command that stops itself", stops_itself),
    ("5 Ctrl-Z, a command that ignores it", ignored_stop),
    ("6 true, exit 7, no program, missing", codes),
    ("6 timed out, handled TERM, ignored TERM", timeout_codes),
    ("6 a wrong option", usage),
    ("7 signals passed on", forwarded),
    ("7 as process 1: USR1, orphans", first_process),
    ("8 a script without #!", without_interpreter),
    ("8 echo -x --help", options_of_command),
    ("8 0.005m", units),
    ("9 a message", message),
]

TERMINAL = (clean_up, signals_for_one, python_prompt, stop_and_continue, stops_itself, ignored_stop)


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
             for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def main():
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    skyutil = os.path.abspath(sys.argv[1])
    wrappers = [Wrapper("bare", [], None), Wrapper("skyutil run", [skyutil, "run"],
                [skyutil, "run", "--timeout", "1", "--kill-after", "1"])]
    for name, plain, timed in (("timeout", ["timeout", "60"], ["timeout", "-k", "1", "1"]),
                               ("timeout --foreground", ["timeout", "--foreground", "60"],
                                ["timeout", "--foreground", "-k", "1", "1"]),
                               ("env", ["env"], None), ("nice", ["nice"], None),
                               ("nohup", ["nohup"], None)):
        if shutil.which(name.split()[0]):
            wrappers.append(Wrapper(name, plain, timed))
    wanted = sys.argv[2:]
    os.chdir(tempfile.gettempdir())
    rows = [["situation"] + [wrapper.name for wrapper in wrappers]]
    for title, look in ROWS:
        if wanted and not any(word in title for word in wanted):
            continue
        row = [title]
        for wrapper in wrappers:
            # nohup takes the terminal away.
            without = (usage, message) if not wrapper.plain else ()
            if look in without or (wrapper.name == "nohup" and look in TERMINAL):
                row.append("-")
                continue
            try:
                row.append(str(look(wrapper)))
            except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
                row.append(getattr(error, "strerror", None) or type(error).__name__)
        rows.append(row)
        print("  ".join(row), file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
