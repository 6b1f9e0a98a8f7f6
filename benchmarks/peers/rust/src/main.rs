// SPDX-License-Identifier: MIT

//! The twelve functions and a few more as a Rust programmer writes them with the standard library; hashing
//! with the crates md-5 and sha2, where they are there.
//!
//! `skyutil-peer CASES` reads lines and answers each with one, as benchmarks/run.py asks:
//!
//! ```text
//! answer FUNCTION CASE        JSON: the answers to all lines of the file CASES/CASE
//! time FUNCTION CASE CALLS    nanoseconds for so many calls, with one line after the other
//!                             or "none REASON", "error REASON"
//! ```

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

// --- system calls that the standard library does not have -----------------------------------------

mod os {
    #[repr(C)]
    pub struct Limit {
        pub soft: u64,
        pub hard: u64,
    }

    extern "C" {
        pub fn kill(pid: i32, signal: i32) -> i32;
        pub fn getrlimit(resource: i32, limit: *mut Limit) -> i32;
        pub fn sysconf(name: i32) -> i64;
    }

    pub const SIGKILL: i32 = 9;
    pub const RLIMIT_NOFILE: i32 = 7;
    pub const SC_PAGESIZE: i32 = 30;
    pub const SC_PHYS_PAGES: i32 = 85;
}

// --- strings ---------------------------------------------------------------------------------------

/// Long division by 36^6, the largest power of 36 that leaves room in 64 bits.
fn base36_encode(text: &str) -> Result<String> {
    const CHUNK: u64 = 2_176_782_336;
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let digits: Vec<u8> = text.bytes().filter(|c| *c != b'_').collect();
    if digits.is_empty() {
        return Err("no digits".into());
    }
    let mut limbs = Vec::with_capacity((digits.len() + 7) / 8);
    for piece in digits.rchunks(8) {
        let mut limb = 0u32;
        for digit in piece {
            let value = (*digit as char).to_digit(16).ok_or("not a hexadecimal digit")?;
            limb = limb << 4 | value;
        }
        limbs.push(limb);
    }
    let mut out = Vec::new();
    while !limbs.is_empty() {
        let mut rest = 0u64;
        for limb in limbs.iter_mut().rev() {
            let part = rest << 32 | u64::from(*limb);
            *limb = (part / CHUNK) as u32;
            rest = part % CHUNK;
        }
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        for _ in 0..6 {
            out.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize]);
            rest /= 36;
        }
    }
    while out.last() == Some(&b'0') {
        out.pop();
    }
    if out.is_empty() {
        out.push(b'0');
    }
    out.reverse();
    Ok(String::from_utf8(out)?)
}

fn format_float(x: f64, precision: usize) -> String {
    if x.is_nan() {
        "nan".to_string()
    } else if x.is_infinite() || x.fract() == 0.0 {
        format!("{:.0}", x)
    } else {
        format!("{:.*}", precision, x)
    }
}

/// The byte where the code point of this number starts, or the end.
fn offset(text: &str, code_points: usize) -> usize {
    text.char_indices().nth(code_points).map_or(text.len(), |(at, _)| at)
}

fn truncate_long_string(text: &str, max_length: usize, middle: bool) -> String {
    let end = offset(text, max_length);
    if end == text.len() {
        return text.to_string();
    }
    if middle {
        if max_length <= 3 {
            return "...".to_string();
        }
        let kept = max_length - 3;
        let first = &text[..offset(text, (kept + 1) / 2)];
        let last = match kept / 2 {
            0 => text.len(),
            n => text.char_indices().rev().nth(n - 1).map_or(0, |(at, _)| at),
        };
        return format!("{}...{}", first, &text[last..]);
    }
    let mut length = 0;
    let mut stop = 0;
    let mut at = 0;
    for (i, word) in text.split(' ').enumerate() {
        let size = word.chars().count();
        if i == 0 && size > max_length {
            return format!("{}...", &text[..end]);
        }
        stop = at;
        length += size;
        if length >= max_length {
            break;
        }
        at += word.len() + 1;
    }
    let kept = &text[..stop.saturating_sub(1).max(end)];
    format!("{}...", kept)
}

// --- files -----------------------------------------------------------------------------------------

/// By blocks from the end, until there are enough line feeds.
fn read_last_n_lines(path: &Path, n: usize) -> Result<Vec<String>> {
    let mut file = File::open(path)?;
    let mut position = file.seek(SeekFrom::End(0))?;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut found = 0;
    while n > 0 && position > 0 && found <= n {
        let size = position.min(65536);
        position -= size;
        file.seek(SeekFrom::Start(position))?;
        let mut block = vec![0; size as usize];
        file.read_exact(&mut block)?;
        found += block.iter().filter(|c| **c == b'\n').count();
        blocks.push(block);
    }
    blocks.reverse();
    let text = blocks.concat();
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    if n == 0 || text.is_empty() {
        return Ok(Vec::new());
    }
    let mut start = text.len();
    for _ in 0..n {
        match text[..start].iter().rposition(|c| *c == b'\n') {
            Some(at) => start = at,
            None => {
                start = usize::MAX;
                break;
            }
        }
    }
    let from = start.wrapping_add(1);
    Ok(text[from..].split(|c| *c == b'\n').map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}

fn estimate_fd_for_directory(path: &Path) -> Result<usize> {
    Ok(5 * fs::read_dir(path)?.count())
}

#[cfg(feature = "hash")]
mod hash {
    use super::*;
    use sha2::Digest;
    use std::fmt::Write as _;

    fn digest<D: Digest>(path: &Path) -> Result<String> {
        let mut file = File::open(path)?;
        let mut state = D::new();
        let mut block = vec![0; 1 << 18];
        loop {
            let count = file.read(&mut block)?;
            if count == 0 {
                break;
            }
            state.update(&block[..count]);
        }
        let mut hex = String::new();
        for byte in state.finalize() {
            write!(hex, "{:02x}", byte)?;
        }
        Ok(hex)
    }

    pub fn file(path: &Path, algorithm: &str) -> Result<String> {
        match algorithm {
            "md5" => digest::<md5::Md5>(path),
            "sha256" => digest::<sha2::Sha256>(path),
            "sha512" => digest::<sha2::Sha512>(path),
            _ => Err(format!("no algorithm {}", algorithm).into()),
        }
    }
}

#[cfg(not(feature = "hash"))]
mod hash {
    use super::*;

    pub fn file(_: &Path, _: &str) -> Result<String> {
        Err(Box::new(io::Error::new(ErrorKind::Unsupported, "built without md-5 and sha2")))
    }
}

fn hash_files(paths: &[PathBuf], threads: usize) -> Result<Vec<String>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, String)>> {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            match paths.get(i) {
                Some(path) => done.push((i, hash::file(path, "sha256")?)),
                None => return Ok(done),
            }
        }
    };
    let mut all = Vec::new();
    std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            all.extend(worker.join().map_err(|_| "a thread failed")??);
        }
        Ok(())
    })?;
    all.sort();
    Ok(all.into_iter().map(|(_, digest)| digest).collect())
}

// --- ports -----------------------------------------------------------------------------------------

/// A port that is free on IPv6 and IPv4, where there is IPv6.
fn find_free_port(start: u16) -> Result<u16> {
    for port in start..=65535 {
        let mut bound = TcpListener::bind(("::", port));
        if matches!(&bound, Err(problem) if problem.raw_os_error() == Some(97)) {
            bound = TcpListener::bind(("0.0.0.0", port)); // EAFNOSUPPORT
        }
        match bound {
            Ok(listener) => return Ok(listener.local_addr()?.port()),
            Err(problem) if problem.kind() == ErrorKind::AddrInUse => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Err("no free port".into())
}

// --- CPUs and memory -------------------------------------------------------------------------------

fn get_cpu_count() -> Result<usize> {
    for variable in ["SKYUTIL_CPU_COUNT", "SKYPILOT_POD_CPU_CORE_LIMIT"] {
        if let Ok(value) = std::env::var(variable) {
            return Ok((value.parse::<f64>()? as usize).max(1));
        }
    }
    Ok(std::thread::available_parallelism()?.get()) // affinity and quotas
}

fn get_mem_size_gb() -> Result<f64> {
    const GIB: f64 = (1u64 << 30) as f64;
    for (variable, unit) in [
        ("SKYUTIL_MEMORY_BYTES", GIB),
        ("SKYPILOT_POD_MEMORY_GB_LIMIT", 1.0),
        ("SKYPILOT_POD_MEMORY_BYTES_LIMIT", GIB),
    ] {
        if let Ok(value) = std::env::var(variable) {
            return Ok(value.parse::<f64>()? / unit);
        }
    }
    let mut total = unsafe { os::sysconf(os::SC_PAGESIZE) as u64 * os::sysconf(os::SC_PHYS_PAGES) as u64 };
    // Of the group at the usual place, which is a container's own.
    for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
        if let Ok(text) = fs::read_to_string(path) {
            if let Ok(limit) = text.trim().parse::<u64>() {
                total = total.min(limit);
            }
            break;
        }
    }
    Ok(total as f64 / GIB)
}

// --- processes -------------------------------------------------------------------------------------

fn pid_exists(pid: i64) -> bool {
    match i32::try_from(pid) {
        Ok(pid) if pid > 0 => {
            unsafe { os::kill(pid, 0) == 0 || io::Error::last_os_error().raw_os_error() == Some(1) }
            // EPERM
        }
        _ => false,
    }
}

/// The fields of /proc/PID/stat after the name.
fn stat(pid: i64) -> Option<(char, i64)> {
    let text = fs::read(format!("/proc/{}/stat", pid)).ok()?;
    let end = text.iter().rposition(|c| *c == b')')?;
    let rest = std::str::from_utf8(&text[end + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn is_process_alive(pid: i64) -> bool {
    matches!(stat(pid), Some((state, _)) if state != 'Z' && state != 'X')
}

fn kill_process_tree(root: i64) -> Result<usize> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        if let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i64>().ok()) {
            if let Some((_, parent)) = stat(pid) {
                parents.push((pid, parent));
            }
        }
    }
    let mut tree = vec![root];
    let mut at = 0;
    while at < tree.len() {
        let parent = tree[at];
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    for pid in &tree {
        unsafe { os::kill(*pid as i32, os::SIGKILL) };
    }
    for pid in &tree {
        while is_process_alive(*pid) {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    Ok(tree.len())
}

fn get_parallel_threads(cloud: &str) -> Result<usize> {
    let factor = if cloud.eq_ignore_ascii_case("kubernetes") { 4 } else { 1 };
    Ok((get_cpu_count()? - 1).max(4) * factor)
}

fn get_max_workers_for_file_mounts(sources: &[String]) -> Result<usize> {
    let mut most = 5;
    for source in sources {
        if Path::new(source).is_dir() {
            most = most.max(estimate_fd_for_directory(Path::new(source))?);
        }
    }
    let mut limit = os::Limit { soft: 0, hard: 0 };
    if unsafe { os::getrlimit(os::RLIMIT_NOFILE, &mut limit) } != 0 {
        return Err(io::Error::last_os_error().into());
    }
    let threads = get_parallel_threads("")?;
    if limit.soft == u64::MAX {
        return Ok(threads);
    }
    Ok((limit.soft.saturating_sub(100) as usize / most).min(threads).max(1))
}

/// Memory in use, gone with the object.
fn ballast(mib: usize) -> Vec<u8> {
    let mut memory = vec![0u8; mib << 20];
    for page in memory.chunks_mut(4096) {
        page[0] = 1;
    }
    memory
}

fn run() -> Result<i32> {
    Ok(Command::new("/bin/true").status()?.code().unwrap_or(-1))
}

// --- answers as JSON -------------------------------------------------------------------------------

trait Json {
    fn json(&self) -> String;
}

macro_rules! json_as_text {
    ($($t:ty)*) => { $(impl Json for $t { fn json(&self) -> String { self.to_string() } })* };
}
json_as_text!(bool i32 usize u16 f64);

impl Json for String {
    fn json(&self) -> String {
        let mut out = String::from("\"");
        for c in self.chars() {
            match c {
                '"' | '\\' => {
                    out.push('\\');
                    out.push(c);
                }
                c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
                c => out.push(c),
            }
        }
        out.push('"');
        out
    }
}

fn crc32(table: &[u32; 256], mut crc: u32, bytes: &[u8]) -> u32 {
    for byte in bytes {
        crc = crc >> 8 ^ table[usize::from(crc as u8 ^ byte)];
    }
    crc
}

fn crc32_table() -> [u32; 256] {
    let mut table = [0; 256];
    for (i, entry) in table.iter_mut().enumerate() {
        *entry = (0..8).fold(i as u32, |c, _| c >> 1 ^ if c & 1 != 0 { 0xedb8_8320 } else { 0 });
    }
    table
}

/// A long list as the number of elements, of bytes, and the CRC-32 of all, each with a line feed.
impl Json for Vec<String> {
    fn json(&self) -> String {
        if self.len() > 100 {
            let size: usize = self.iter().map(String::len).sum();
            let table = crc32_table();
            let crc = self
                .iter()
                .fold(u32::MAX, |crc, line| crc32(&table, crc32(&table, crc, line.as_bytes()), b"\n"));
            return format!("[{},{},{}]", self.len(), size, !crc);
        }
        format!("[{}]", self.iter().map(Json::json).collect::<Vec<_>>().join(","))
    }
}

// --- answering -------------------------------------------------------------------------------------

fn keep<T>(value: &T) {
    unsafe { std::arch::asm!("/* {} */", in(reg) value, options(nostack, preserves_flags)) }
}

enum Question {
    Answer,
    Time(usize),
}

fn ask<I, O: Json>(
    question: &Question,
    lines: &[Vec<String>],
    input: impl Fn(&[String]) -> Result<I>,
    call: impl Fn(&I) -> Result<O>,
) -> Result<String> {
    let inputs = lines.iter().map(|line| input(line)).collect::<Result<Vec<I>>>()?;
    match question {
        Question::Answer => {
            let mut answers = Vec::new();
            for each in &inputs {
                answers.push(call(each)?.json());
            }
            Ok(format!("[{}]", answers.join(",")))
        }
        Question::Time(calls) => {
            let mut at = 0;
            let begin = Instant::now();
            for _ in 0..*calls {
                keep(&call(&inputs[at])?);
                at = if at + 1 == inputs.len() { 0 } else { at + 1 };
            }
            Ok(begin.elapsed().as_nanos().to_string())
        }
    }
}

fn pid(line: &[String]) -> Result<i64> {
    Ok(if line[0] == "self" { std::process::id().into() } else { line[0].parse()? })
}

fn text(line: &[String]) -> Result<String> {
    Ok(line[0].clone())
}

fn path(line: &[String]) -> Result<PathBuf> {
    Ok(PathBuf::from(&line[0]))
}

fn nothing(_: &[String]) -> Result<()> {
    Ok(())
}

fn reply(cases: &Path, request: &str) -> Result<String> {
    let words: Vec<&str> = request.split_ascii_whitespace().collect();
    let (what, function, case) = match words[..] {
        [what, function, case, ..] => (what, function, case),
        _ => return Err("what?".into()),
    };
    let question = match what {
        "answer" => Question::Answer,
        _ => Question::Time(words[3].parse()?),
    };
    let all = fs::read_to_string(cases.join(case))?;
    let lines: Vec<Vec<String>> = all
        .strip_suffix('\n')
        .unwrap_or(&all)
        .split('\n')
        .map(|line| line.split('\t').map(String::from).collect())
        .collect();
    let (q, l) = (&question, &lines[..]);
    match function {
        "base36_encode" => ask(q, l, text, |x| base36_encode(x)),
        "format_float" => {
            ask(q, l, |x| Ok((x[0].parse::<f64>()?, x[1].parse()?)), |x| Ok(format_float(x.0, x.1)))
        }
        "truncate_long_string" => ask(
            q,
            l,
            |x| Ok((x[0].clone(), x[1].parse()?, x[2] == "middle")),
            |x| Ok(truncate_long_string(&x.0, x.1, x.2)),
        ),
        "read_last_n_lines" => ask(q, l, |x| Ok((path(x)?, x[1].parse()?)), |x| read_last_n_lines(&x.0, x.1)),
        "hash_file" => ask(q, l, |x| Ok((path(x)?, x[1].clone())), |x| hash::file(&x.0, &x.1)),
        "hash_files" => ask(
            q,
            l,
            |x| {
                let mut paths = Vec::new();
                for entry in fs::read_dir(&x[0])? {
                    paths.push(entry?.path());
                }
                paths.sort();
                Ok((paths, x[1].parse()?))
            },
            |x| hash_files(&x.0, x.1),
        ),
        "estimate_fd_for_directory" => ask(q, l, path, |x| estimate_fd_for_directory(x)),
        "find_free_port" => ask(q, l, |x| Ok(x[0].parse()?), |x| find_free_port(*x)),
        "get_cpu_count" | "get_cpu_count_first" => ask(q, l, nothing, |_| get_cpu_count()),
        "get_mem_size_gb" | "get_mem_size_gb_first" => ask(q, l, nothing, |_| get_mem_size_gb()),
        "pid_exists" => ask(q, l, pid, |x| Ok(pid_exists(*x))),
        "is_process_alive" => ask(q, l, pid, |x| Ok(is_process_alive(*x))),
        "kill_process_tree" => ask(q, l, pid, |x| kill_process_tree(*x)),
        "get_parallel_threads" => ask(q, l, text, |x| get_parallel_threads(x)),
        "get_max_workers_for_file_mounts" => {
            ask(q, l, |x| Ok(x.to_vec()), |x| get_max_workers_for_file_mounts(x))
        }
        "run" => ask(q, l, |x| Ok(ballast(x[0].parse()?)), |_| run()),
        _ => Ok("none not written".to_string()),
    }
}

fn main() -> Result<()> {
    let cases = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: skyutil-peer CASES")?);
    let mut out = io::stdout();
    for request in io::stdin().lock().lines() {
        let line =
            reply(&cases, &request?).unwrap_or_else(|problem| match problem.downcast_ref::<io::Error>() {
                Some(reason) if reason.kind() == ErrorKind::Unsupported => format!("none {}", reason),
                _ => format!("error {}", problem),
            });
        writeln!(out, "{}", line)?;
        out.flush()?;
    }
    Ok(())
}
