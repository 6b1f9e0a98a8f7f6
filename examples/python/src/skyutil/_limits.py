# SPDX-License-Identifier: MIT
"""The CPUs and memory that this process may use, read in pure Python.

The same sources and rules as skyutil/system.hpp: the lowest limit of all control groups (version 1, 2
and both) from the process's own up to the root, the affinity mask and the machine. What is missing,
unreadable or garbled is no limit.
"""

import itertools
import os
import threading
import time

_WHITE = b' \t\r\n\v\f'
_NO_MEMORY_LIMIT = 1 << 60
_MAX_AGE = 0.010


def _unsigned(text):
    """A decimal number of 64 bits and nothing else, or None."""
    if not text.isdigit():
        return None
    value = int(text)
    return value if value < 1 << 64 else None


def _value_of(text, name):
    """What follows a name at the start of a line."""
    for line in text.split(b'\n'):
        if line.startswith(name) and line[len(name):len(name) + 1] in (b' ', b':', b'\t'):
            return line[len(name) + 1:].strip(_WHITE)
    return b''


def _kib(text, name):
    number, _, unit = _value_of(text, name).partition(b' ')
    value = _unsigned(number)
    return None if value is None or unit != b'kB' or value > (2**64 - 1) // 1024 else value * 1024


def _count_cpus(text):
    """How many CPUs a list such as 0-3,8 or 0-1023:2/256 names."""
    count, following = 0, 0
    for group in text.replace(b',', b' ').replace(b'\t', b' ').replace(b'\n', b' ').split(b' '):
        if not group:
            continue
        span, strided, stride = group.partition(b':')
        first, dash, last = span.partition(b'-')
        first = _unsigned(first)
        last = _unsigned(last) if dash else first
        if first is None or last is None or not following <= first <= last < 1 << 24:
            return None
        following = last + 1
        size = last - first + 1
        if not strided:
            count += size
            continue
        used, _, each = stride.partition(b'/')
        used, each = _unsigned(used), _unsigned(each)
        if used is None or each is None or used > each or not 0 < each < 1 << 24:
            return None
        count += size // each * used + min(size % each, used)
    return count or None


def _quota(quota, period):
    quota, period = _unsigned(quota), _unsigned(period)
    return quota / period if quota and period else None


def _memory_limit(text):
    value = _unsigned((text or b'').strip(_WHITE))
    return value if value is not None and value < _NO_MEMORY_LIMIT else None


def _unescape(text):
    """A name of mountinfo: backslash and three octal digits stand for a byte."""
    parts = text.split(b'\\')
    out = [parts[0]]
    for part in parts[1:]:
        digits = part[:3]
        if len(digits) == 3 and not digits.strip(b'01234567') and digits[0] <= ord('3'):
            out.append(bytes([int(digits, 8)]) + part[3:])
        else:
            out.append(b'\\' + part)
    return b''.join(out)


def _take_ups(path):
    ups = 0
    while path == b'/..' or path.startswith(b'/../'):
        path = path[3:]
        ups += 1
    return ups, b'' if path == b'/' else path


def _locate(root, path):
    """(unknown levels, rest) of a group below a mount point that shows `root`, or None."""
    root_ups, root = _take_ups(root)
    path_ups, path = _take_ups(path)
    if b'/../' in path or path.endswith(b'/..'):
        return None
    if root_ups == path_ups:
        if not path.startswith(root) or path[len(root):len(root) + 1] not in (b'', b'/'):
            return None
        return 0, path[len(root):]
    return (root_ups - path_ups, path) if root_ups > path_ups and not root else None


class _Reader:
    """Reads small files below a root; notes when there were no descriptors left."""

    def __init__(self, root):
        self.root = b'' if root == '/' else os.fsencode(root)
        self.real = root == '/'

    def text(self, name):
        try:
            with open(self.root + name, 'rb') as file:
                return file.read()
        except OSError:
            return None

    def own(self, name):
        text = self.text(b'/proc/thread-self/' + name)
        return self.text(b'/proc/self/' + name) if text is None else text


class _Groups:
    """The control groups of the calling thread, wherever they are mounted."""

    def __init__(self, files):
        self.files = files
        self.places = {b'cpu': [], b'cpuset': [], b'memory': []}
        mounts = files.own(b'mountinfo') or b''
        self.replaced = b' /sys/devices/system/cpu' in mounts, b' /proc/meminfo ' in mounts
        memberships = list(self._memberships(files.own(b'cgroup') or b''))
        views = {}
        for line in mounts.split(b'\n'):
            head, separator, tail = line.partition(b' - ')
            kind, _, tail = tail.partition(b' ')
            fields = head.split(b' ')
            if not separator or kind not in (b'cgroup', b'cgroup2') or len(fields) < 5:
                continue
            device, root, point = fields[2:5]
            if not root.startswith(b'/') or not point.startswith(b'/'):
                continue
            v2 = kind == b'cgroup2'
            view = views.setdefault((device, root), len(views))
            options = tail.partition(b' ')[2].split(b',')
            for name, places in self.places.items():
                member = self._membership(memberships, name)
                if member is None or member[0] != v2 or not (v2 or name in options):
                    continue
                place = self._place(_unescape(root), _unescape(point), member[1])
                if place:
                    places.append((v2, view) + place)

    @staticmethod
    def _memberships(text):
        for line in text.split(b'\n'):
            number, one, rest = line.partition(b':')
            controllers, two, path = rest.partition(b':')
            if _unsigned(number) is not None and one and two and path.startswith(b'/'):
                yield number == b'0' and not controllers, controllers.split(b','), path

    @staticmethod
    def _membership(memberships, name):
        found = None
        for v2, controllers, path in memberships:
            if v2:
                found = found or (True, path)
            elif name in controllers:
                return False, path
        return found

    def _place(self, root, point, path):
        location = _locate(root, path)
        if location is None:
            return None
        unknown, rest = location
        group = point + rest
        if unknown:
            group = self._below(point, unknown, rest) or point
        return group, len(point)

    def _below(self, top, depth, rest):
        """The group `depth` unknown directories below `top` that this thread is in."""
        left = 4096
        level = [top]
        for _ in range(depth):
            following = []
            for group in level:
                try:
                    with os.scandir(self.files.root + group) as entries:
                        for entry in entries:
                            if left and entry.is_dir():
                                following.append(group + b'/' + entry.name)
                                left -= 1
                except OSError:
                    pass
            level = following
        if self.files.real:
            process, thread = b'%d' % os.getpid(), b'%d' % threading.get_native_id()
        else:
            process = thread = (self.files.text(b'/proc/self/stat') or b'').partition(b' ')[0]
        for group in level:
            for name, own in ((b'/cgroup.threads', thread), (b'/tasks', thread),
                              (b'/cgroup.procs', process)):
                if own in (self.files.text(group + rest + name) or b'').split(b'\n'):
                    return group + rest
        return None

    def walk(self, name):
        """Yields [v2, group, own, found] from the own group up to the mount point. The caller sets
        `found` when there was something to read: other mounts of the same are left out then."""
        seen = set()
        for v2, view, group, top in self.places[name]:
            if view in seen:
                continue
            for own in itertools.chain((True,), itertools.repeat(False)):
                step = [v2, group, own, False]
                yield step
                if step[3]:
                    seen.add(view)
                if step[3] == 'last' or len(group) <= top:
                    break
                group = group[:max(group.rfind(b'/'), top)]

    def cpu_quota(self):
        lowest = None
        for step in self.walk(b'cpu'):
            v2, group = step[:2]
            text = self.files.text(group + (b'/cpu.max' if v2 else b'/cpu.cfs_quota_us'))
            if text is None:
                continue
            step[3] = True
            if v2:
                quota, _, period = text.strip(_WHITE).partition(b' ')
                value = _quota(quota, period or b'100000')
            else:
                period = self.files.text(group + b'/cpu.cfs_period_us') or b''
                value = _quota(text.strip(_WHITE), period.strip(_WHITE))
            lowest = _lower(lowest, value)
        return lowest

    def cpuset(self):
        lowest = None
        for step in self.walk(b'cpuset'):
            v2, group = step[:2]
            for name in (b'/cpuset.cpus.effective' if v2 else b'/cpuset.effective_cpus',
                         b'/cpuset.cpus'):
                count = _count_cpus(self.files.text(group + name) or b'')
                if count is not None:
                    lowest = _lower(lowest, count)
                    step[3] = 'last'
                    break
        return lowest

    def memory_limit(self):
        lowest = None
        for step in self.walk(b'memory'):
            v2, group, own = step[:3]
            if not v2 and not own:
                hierarchy = self.files.text(group + b'/memory.use_hierarchy') or b''
                if hierarchy.strip(_WHITE) == b'0':
                    step[3] = 'last'
                    continue
            if not v2 and own:
                above = _value_of(self.files.text(group + b'/memory.stat') or b'',
                                  b'hierarchical_memory_limit')
                lowest = _lower(lowest, _memory_limit(above))
            text = self.files.text(group + (b'/memory.max' if v2 else b'/memory.limit_in_bytes'))
            lowest = _lower(lowest, _memory_limit(text))
            if text is not None:
                step[3] = True
        return lowest


def _lower(lowest, value):
    return value if lowest is None or (value is not None and value < lowest) else lowest


def _read_cpus(root):
    """(CPUs, quota) that do not depend on the thread's mask and policy."""
    files = _Reader(root)
    groups = _Groups(files)
    online = _count_cpus(files.text(b'/sys/devices/system/cpu/online') or b'')
    return _lower(online, groups.cpuset()), groups.cpu_quota()


def _read_memory(root):
    files = _Reader(root)
    groups = _Groups(files)
    physical = _kib(files.text(b'/proc/meminfo') or b'', b'MemTotal') or None
    if files.real:
        # sysinfo(2) tells the same as the kernel's own meminfo, but not what another file system
        # has put in its place.
        try:
            physical = _lower(physical, os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE'))
        except (OSError, ValueError):
            pass
    return _lower(physical, groups.memory_limit()) or 0


class _Recent(threading.local):
    """Values of the calling thread that are at most some milliseconds old."""

    def __init__(self):
        self.values = {}

    def get(self, read):
        now = time.monotonic()
        value, expires = self.values.get(read, (None, now))
        if now >= expires:
            value = read('/')
            self.values[read] = value, now + _MAX_AGE
        return value


_recent = _Recent()


def _affinity(root):
    if root != '/':
        status = _Reader(root).own(b'status') or b''
        return _count_cpus(_value_of(status, b'Cpus_allowed_list'))
    try:
        return len(os.sched_getaffinity(0)) or None
    except (AttributeError, OSError):
        return None


def _is_real_time(root):
    if root != '/':
        text = (_Reader(root).own(b'stat') or b'').rpartition(b')')[2].split()
        policy = _unsigned(text[38]) if len(text) > 38 else None
    else:
        try:
            policy = os.sched_getscheduler(0) & ~0x40000000
        except (AttributeError, OSError):
            return False
    return policy in (1, 2, 6)


def cpu_count(root='/'):
    """Whole CPUs that the calling thread may use, at least 1."""
    cpus, quota = _recent.get(_read_cpus) if root == '/' else _read_cpus(root)
    cpus = _lower(cpus, _affinity(root))
    if quota is not None and not _is_real_time(root):
        cpus = _lower(cpus, quota)
    return max(1, int(1 if cpus is None else cpus))


def memory_bytes(root='/'):
    """Bytes of memory that this process may use, 0 when nothing is known."""
    return _recent.get(_read_memory) if root == '/' else _read_memory(root)
