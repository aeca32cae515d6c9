#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
How fast: srsd beside a plain netstring echo and pysrs's daemon, and with a log
line for each lookup beside none; libsrs in instructions, srs in lines a second;
what access files of millions of entries and header fields of the worst kind
cost.

usage: run.py [-c CONNECTIONS] [-e ENTRIES] [-r ROUNDS] [-s SECONDS]
              [access|libsrs|libspf|srs|srsd|log|crowd]...

The servers take turns in each round, server on one core and load on another,
and ratios are taken within a round: this machine's mood changes all of them.
Nothing is asserted.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import dkim_signer
import places

PYSRS = places.peer("pysrs")
SECRET = "a secret of the benchmark, 32 characters"
ADDRESSES = ["bob.smith@example.com", "a@b.co",
             "bounce-2391-bob=example.net@lists.example.org",
             "\"Bob Smith\"@example.com",
             "SRS0=cq/5=G3=example.com=bob@first.example"]
LINES = 2_000_000

SRSD_CONFIG = """\
[srs]
secret_file = {directory}/secret
fwdomain = forward.example
[srsd]
listen = unix:{socket}
workers = 1
socket_mode = 0600
{user}
[log]
to = stderr
level = {level}
"""
PYSRS_CONFIG = """\
[srs]
secret = {secret}
fwdomain = forward.example
socket = {socket}
"""


def program(name):
    return places.program(name)


def cores():
    return sorted(os.sched_getaffinity(0))


def on_core(which):
    """What pins a command: the server has the first core, load the second."""
    available = cores()
    return ["taskset", "-c", str(available[which % len(available)])]


def median(numbers):
    return statistics.median(numbers)


# --- libsrs ---

def instructions(verb, address, times=1000):
    """Of the library's function and what it calls; NaN without valgrind."""
    function = verb.replace("-", "_") if "ses" in verb else "srs_" + verb
    try:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
             f"--toggle-collect={function}", program("bench/codec"), verb,
             str(times), address], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        return float("nan")
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1)) / times


def bench_libsrs(_):
    print("libsrs, instructions a call (callgrind) and calls a second:")
    for verb in ("encode", "decode", "ses-sign", "ses-verify"):
        for address in ADDRESSES if verb == "encode" else ADDRESSES[:1]:
            cost = instructions(verb, address)
            rate = median([int(subprocess.run(
                on_core(0) + [program("bench/codec"), verb, "500000", address],
                capture_output=True, check=True).stdout) for _ in range(3)])
            print(f"  {verb:10} {cost:7.0f} {rate / 1e6:6.2f} M/s  {address}")


# --- libspf ---

def all_instructions(mode, times):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         program("bench/spf"), mode, str(times)],
        capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def bench_libspf(_):
    print("libspf, instructions a check (callgrind), answers in memory:")
    for mode in ("ip4-cold", "ip4-warm", "includes-cold", "includes-warm"):
        try:
            cost = (all_instructions(mode, 2000) -
                    all_instructions(mode, 1000)) / 1000
        except FileNotFoundError:
            cost = float("nan")
        print(f"  {mode:14} {cost:6.0f}")


# --- libdkim ---

def dkim_messages():
    """Name, message and key of each; 15 fields, all signed, relaxed."""
    names = ["From", "To", "Subject", *(f"X-{n}" for n in range(12))]
    header = b"".join(f"{n}: Joe <joe@example.org> {'x' * 30}\r\n".encode()
                      for n in names) + b"\r\n"
    line = b"The quick  brown fox jumps over the lazy dog.\r\n"

    def signed(size, key="r2048", **how):
        return dkim_signer.signed(header + line * (size // len(line)), key=key,
                                  h=names, **how)

    for size in 4000, 100000, 10000000:
        yield f"rsa-2048, {size} octets", signed(size), "r2048"
    yield "ed25519, 4000 octets", signed(4000, "ed25519"), "ed25519"
    one = signed(4000)
    field = one[:one.index(b"\r\nFrom:") + 2]
    yield "100 signatures, 4000 octets", field * 100 + one, "r2048"
    yield "none, 4000 octets", header + line * (4000 // len(line)), "r2048"


def dkim_instructions(arguments, times):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         program("bench/dkim"), str(times), *arguments],
        capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def bench_libdkim(options):
    print("libdkim, instructions (callgrind) and µs a message:")
    for name, message, key in dkim_messages():
        times = 3 if len(message) > 1000000 else 20
        with tempfile.NamedTemporaryFile() as file:
            file.write(message)
            file.flush()
            arguments = [file.name, dkim_signer.record(key)]
            try:
                cost = (dkim_instructions(arguments, 2 * times) -
                        dkim_instructions(arguments, times)) / times
            except FileNotFoundError:
                cost = float("nan")
            said = [subprocess.run(
                on_core(0) + [program("bench/dkim"), str(10 * times), *arguments],
                capture_output=True, text=True, check=True).stdout.split()
                for _ in range(options.rounds)]
        spent = median([float(us) for _, us in said])
        print(f"  {name:28} {cost:12.0f} {spent:9.1f} µs  {said[0][0]}")


# --- srs ---

def bench_srs(options):
    with tempfile.TemporaryDirectory(prefix="mailfrom-bench-") as directory:
        path = os.path.join(directory, "addresses")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"user.{n}@example{n % 997}.com\n"
                            for n in range(LINES))
        spent = []
        for _ in range(options.rounds):
            with open(path, "rb") as stdin:
                begin = time.monotonic()
                subprocess.run(
                    on_core(0) + [program("srs"), "encode", "--secret", SECRET,
                                  "--domain", "forward.example"],
                    stdin=stdin, stdout=subprocess.DEVNULL, check=True)
                spent.append(time.monotonic() - begin)
        print(f"srs encode, {LINES} lines over stdin: "
              f"{LINES / median(spent) / 1e6:.2f} M lines/s")


# --- srsd ---

def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


def srsd_command(directory, socket, level="warning"):
    write(directory, "secret", SECRET + "\n")
    user = "user = root" if os.geteuid() == 0 else ""
    return [program("srsd"), "-f", "-c", write(
        directory, "mailfrom.conf",
        SRSD_CONFIG.format(directory=directory, socket=socket, user=user,
                           level=level))]


def srsd_info_command(directory, socket):
    return srsd_command(directory, socket, "info")


def echo_command(_, socket):
    return [program("bench/echo"), socket]


def pysrs_command(directory, socket):
    return [sys.executable, os.path.join(
        PYSRS, "usr/share/doc/python3-srs/examples/pysrs.py"),
        write(directory, "pysrs.cfg",
              PYSRS_CONFIG.format(secret=SECRET, socket=socket))]


SERVERS = {"srsd": srsd_command, "echo": echo_command, "pysrs": pysrs_command,
           "info": srsd_info_command}


def measure(name, options, directory, keys):
    """Lookups a second, and the microseconds of most and of nearly all."""
    socket = os.path.join(directory, name)
    environment = dict(os.environ, PYTHONPATH=os.path.join(
        PYSRS, places.PYTHON))
    with open(os.path.join(directory, "log"), "w+", encoding="utf-8",
              errors="replace") as log:
        server = subprocess.Popen(
            on_core(0) + SERVERS[name](directory, socket), env=environment,
            stdin=subprocess.DEVNULL, stderr=log,
            stdout=subprocess.DEVNULL)  # pysrs tells every answer there
        try:
            while not os.path.exists(socket):
                if server.poll() is not None:
                    log.seek(0)
                    raise SystemExit(f"{name} ended: {log.read()}")
                time.sleep(0.01)
            time.sleep(0.1)             # from bind() to listen()
            done = subprocess.run(
                on_core(1) + [program("bench/load"), "-k", keys,
                              "-c", str(options.connections),
                              "-s", str(options.seconds), "-e",
                              "make_srs" if name == "echo" else "OK SRS0=",
                              socket],
                capture_output=True, text=True)
        finally:
            server.terminate()
            server.wait(timeout=20)
            if os.path.exists(socket):
                os.unlink(socket)
    if done.returncode != 0:
        raise SystemExit(f"load on {name}: {done.stderr}")
    rate, middle, late, wrong = map(int, done.stdout.split())
    if wrong:
        raise SystemExit(f"{name} gave {wrong} answers of another kind")
    return rate, middle, late


def write_keys(directory):
    path = os.path.join(directory, "keys")
    with open(path, "wb") as file:
        file.writelines(
            b"make_srs recipient.example\x9buser%d<@example%d.com.>\n" %
            (n, n % 97) for n in range(1000))
    return path


def log_lines(directory):
    """Of the last server, and that none is missing."""
    count = 0
    with open(os.path.join(directory, "log"), "rb") as log:
        for line in log:
            count += line.startswith(b"srsd: info: forward ")
            if b" log lines dropped" in line:
                raise SystemExit(line.decode())
    return count


def bench_log(options):
    rates, ratios, lines = [], [], []
    with tempfile.TemporaryDirectory(prefix="mailfrom-bench-") as directory:
        keys = write_keys(directory)
        for number in range(options.rounds):
            turn = ["srsd", "info"][::-1 if number % 2 else 1]
            rate = {}
            for name in turn:
                rate[name] = measure(name, options, directory, keys)[0]
                if name == "info":
                    lines.append(log_lines(directory))
            rates.append(rate["info"])
            ratios.append(rate["info"] / rate["srsd"])
    print(f"srsd at log level info, {options.connections} connections: "
          f"{median(rates):,.0f} lookups/s, {min(lines):,} lines and more a "
          "round, none dropped")
    print(f"  info / warning {median(ratios):5.2f}   "
          f"({min(ratios):.2f} to {max(ratios):.2f})")


def bench_srsd(options):
    names = ["srsd", "echo", "pysrs"]
    reason = places.fetch("pysrs")
    if reason:
        print(f"without pysrs: {reason}")
        names.remove("pysrs")
    if len(cores()) < 2:
        print("one core only: server and load share it")
    results = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="mailfrom-bench-") as directory:
        keys = write_keys(directory)
        for number in range(options.rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                results[name].append(measure(name, options, directory, keys))
    print(f"socketmap lookups, make_srs, unix socket, {options.connections} "
          f"connections, one in flight each; medians of {options.rounds}:")
    for name in names:
        rate, middle, late = map(median, zip(*results[name]))
        print(f"  {name:6} {rate:9,.0f}/s  p50 {middle:6.0f} us  "
              f"p99 {late:6.0f} us")
    for name in names[1:]:
        ratios = [ours[0] / theirs[0]
                  for ours, theirs in zip(results["srsd"], results[name])]
        print(f"  srsd / {name:6} {median(ratios):6.2f}   "
              f"({min(ratios):.2f} to {max(ratios):.2f})")


# --- srsd, beside a crowd ---

def wait_for_socket(server, socket):
    while not os.path.exists(socket):
        if server.poll() is not None:
            raise SystemExit("srsd ended")
        time.sleep(0.01)
    time.sleep(0.1)                     # from bind() to listen()


def innocent(directory, keys, options, flood):
    """Microseconds of most and nearly all of one client's lookups."""
    socket = os.path.join(directory, "crowd")
    server = subprocess.Popen(on_core(0) + srsd_command(directory, socket),
                              stdin=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    crowd = None
    try:
        wait_for_socket(server, socket)
        if flood:
            # The least of this core, so that the client is measured, not it.
            crowd = subprocess.Popen(
                ["nice", "-n", "19"] + on_core(1) +
                [program("bench/flood"), "-c", str(flood), "-k", keys, socket],
                stdout=subprocess.PIPE, text=True)
            if crowd.stdout.readline() != "full\n":
                raise SystemExit("the crowd ended")
        done = subprocess.run(
            on_core(1) + [program("bench/load"), "-k", keys, "-c", "1",
                          "-s", str(options.seconds), "-e", "OK SRS0=",
                          socket], capture_output=True, text=True)
    finally:
        for process in (crowd, server):
            if process:
                process.kill()
                process.wait(timeout=20)
        if os.path.exists(socket):
            os.unlink(socket)
    if done.returncode != 0:
        raise SystemExit(f"load: {done.stderr}")
    _, middle, late, wrong = map(int, done.stdout.split())
    if wrong:
        raise SystemExit(f"{wrong} answers of another kind")
    return middle, late


def bench_crowd(options):
    with tempfile.TemporaryDirectory(prefix="mailfrom-bench-") as directory:
        keys = write(directory, "keys", "".join(
            f"forward user{n}@example{n % 97}.com\n" for n in range(1000)))
        print(f"one client, one worker, medians of {options.rounds}:")
        for flood in (0, 100, 2000):
            middle, late = map(median, zip(*[
                innocent(directory, keys, options, flood)
                for _ in range(options.rounds)]))
            what = f"beside {flood} full pipelines" if flood else "alone"
            print(f"  {what:27} p50 {middle:6.0f} us  p99 {late:6.0f} us")


def bench_access(options):
    with tempfile.TemporaryDirectory(prefix="mailfrom-bench-") as directory:
        subprocess.run([program("bench/access"), "load", str(options.entries),
                        os.path.join(directory, "access")], check=True)
    subprocess.run([program("bench/access"), "parsers"], check=True)


BENCHES = {"access": bench_access, "libsrs": bench_libsrs,
           "libspf": bench_libspf, "libdkim": bench_libdkim, "srs": bench_srs, "srsd": bench_srsd,
           "log": bench_log, "crowd": bench_crowd}


def main():
    parser = argparse.ArgumentParser(
        description="srsd beside an echo and pysrs, libsrs, srs: how fast")
    parser.add_argument("-c", "--connections", type=int, default=64)
    parser.add_argument("-e", "--entries", type=int, default=5_000_000)
    parser.add_argument("-r", "--rounds", type=int, default=5)
    parser.add_argument("-s", "--seconds", type=int, default=2)
    parser.add_argument("what", nargs="*", choices=[[], *BENCHES])
    options = parser.parse_args()
    for name in options.what or BENCHES:
        BENCHES[name](options)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
