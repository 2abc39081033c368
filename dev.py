#!/usr/bin/env python3
"""Sets up whatever a fresh machine lacks, then runs one of the project's commands.

    python3 dev.py serve [flags]     serve the Kubernetes API (every flag of `watchcache serve`)
    python3 dev.py test [args]       run the tests (arguments go to pytest)
    python3 dev.py check             formatting, lint, types
    python3 dev.py bench NAME        run benchmarks/NAME.py
    python3 dev.py run ...           any other command inside the environment
    python3 dev.py tools             build kubectl and etcd (needs Go) into .tools/ for the tests that use them

It needs Python 3.11 or newer and nothing else: the environment goes to `.venv`, from the versions in `requirements.lock`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
STAMP = VENV / "watchcache-stamp"
KUBECTL_VERSION = "1.36.3"
ETCD_VERSION = "3.6.16"
ETCD_OLDER_VERSION = "3.5.35"


def fingerprint() -> str:
    """What the environment was made from: when it changes, the environment is brought up to date."""
    digest = hashlib.sha256(f"{sys.version}{ROOT}".encode())
    for name in ("pyproject.toml", "requirements.lock"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def find_uv() -> str:
    """The uv on the path, else one of our own in a small environment beside `.venv`."""
    found = shutil.which("uv")
    if found:
        return found
    home = ROOT / ".tools" / "uv"
    own = home / "bin" / "uv"
    if not own.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "-q", "uv>=0.5"], check=True)
    return str(own)


def set_up() -> None:
    """Make `.venv` match `requirements.lock`; does nothing, in a millisecond, when it already does."""
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("setting up .venv (once, and again when the dependencies change) ...", file=sys.stderr, flush=True)
    uv = find_uv()
    env = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": str(VENV)}
    for arguments in (
        ["venv", "--quiet", "--allow-existing", "--python", sys.executable, str(VENV)],
        ["pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "requirements.lock"],
        ["pip", "install", "--quiet", "--no-deps", "--editable", "."],
    ):
        subprocess.run([uv, *arguments], cwd=ROOT, env=env, check=True)
    compile_sources = [str(VENV / "bin" / "python"), "-m", "compileall", "-q", str(ROOT / "watchcache")]
    subprocess.run(compile_sources, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""}, check=True)
    STAMP.write_text(wanted)


def build_tools() -> None:
    """Build kubectl and etcd from their published Go modules into `.tools/bin` (some minutes, once)."""
    if not shutil.which("etcd"):
        build_etcd("etcd", ETCD_VERSION)
    build_etcd("etcd-3.5", ETCD_OLDER_VERSION)
    build_kubectl()


def build_etcd(name: str, version: str) -> None:
    """etcd, for the tests of servers that share one."""
    main = (
        'package main\n\nimport (\n\t"os"\n\n\t"go.etcd.io/etcd/server/v3/etcdmain"\n)\n\n'
        "func main() {\n\tetcdmain.Main(os.Args)\n}\n"
    )
    build(name, main, f"go.etcd.io/etcd/server/v3 v{version}")


def build_kubectl() -> None:
    """kubectl, for the tests that drive the server with it."""
    minor = KUBECTL_VERSION.removeprefix("1.")
    main = (
        'package main\n\nimport (\n\t"os"\n\n\t"k8s.io/component-base/cli"\n\t"k8s.io/kubectl/pkg/cmd"\n'
        '\t"k8s.io/kubectl/pkg/cmd/util"\n)\n\nfunc main() {\n'
        "\tif err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {\n\t\tutil.CheckErr(err)\n\t}\n"
        "\tos.Exit(0)\n}\n"
    )
    version = "k8s.io/component-base/version"
    flags = f"-X {version}.gitVersion=v{KUBECTL_VERSION} -X {version}.gitMajor=1 -X {version}.gitMinor={minor.split('.')[0]}"
    build("kubectl", main, f"k8s.io/kubectl v0.{minor}", flags)


def build(name: str, main: str, module: str, linker_flags: str = "") -> None:
    """Build a Go program with the given main file, which uses one module, into `.tools/bin`, unless it is there."""
    target = TOOLS / "bin" / name
    if target.exists():
        return
    if not shutil.which("go"):
        sys.exit(f"dev.py tools: Go is not installed; put {name} into {target.parent} instead")
    work = TOOLS / f"{name}-src"
    work.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    (work / "main.go").write_text(main)
    (work / "go.mod").write_text(f"module {name}\n\ngo 1.24\n\nrequire {module}\n")
    flags = f"-s -w {linker_flags}".strip()
    for arguments in (
        ["mod", "tidy"],
        ["build", "-trimpath", "-ldflags", flags, "-o", str(target), "."],
    ):
        subprocess.run(["go", *arguments], cwd=work, env={**os.environ, "CGO_ENABLED": "0"}, check=True)


def run(arguments: list[str]) -> None:
    """Replace this process by a command inside the environment."""
    path = os.pathsep.join([str(VENV / "bin"), str(TOOLS / "bin"), os.environ.get("PATH", "")])
    os.environ["PATH"] = path
    os.environ["VIRTUAL_ENV"] = str(VENV)
    os.execvp(arguments[0], arguments)


def side_by_side(arguments: list[str]) -> list[str]:
    """All tests run in as many processes as there are cores, four at most; chosen ones in one, which is sooner there."""
    if any(not argument.startswith("-") or argument.startswith("-n") for argument in arguments):
        return []
    return ["-n", str(min(4, os.cpu_count() or 1))]


def check() -> None:
    """Formatting, lint and types: the same that CI runs."""
    python = str(VENV / "bin" / "python")
    for arguments in (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"]):
        if subprocess.run([python, "-m", *arguments], cwd=ROOT, check=False).returncode:
            sys.exit(1)


def main() -> None:
    """Dispatch to a command."""
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    command, rest = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("help", [])
    if command not in {"serve", "test", "check", "bench", "run", "tools"}:
        print(__doc__)
        sys.exit(0 if command in {"help", "-h", "--help"} else 2)
    try:
        set_up()
        if command == "tools":
            build_tools()
        elif command == "check":
            check()
        elif command == "serve":
            run([str(VENV / "bin" / "watchcache"), "serve", *rest])
        elif command == "test":
            run([str(VENV / "bin" / "python"), "-m", "pytest", *side_by_side(rest), *rest])
        elif command == "bench":
            run([str(VENV / "bin" / "python"), str(ROOT / "benchmarks" / f"{rest[0]}.py"), *rest[1:]])
        else:
            run(rest)
    except subprocess.CalledProcessError as problem:
        sys.exit(
            f"dev.py {command}: `{' '.join(map(str, problem.cmd))}` failed with status {problem.returncode}"
        )


if __name__ == "__main__":
    main()
