"""Searches by the job files on simulated hosts: deaths, delays, clocks, full disks."""

import errno
import shutil
import subprocess

import pytest
from postgresql_server import new_database
from simulated_hosts import KILLED, ForkServer, SimulatedHosts

pytestmark = pytest.mark.once
ARRAY = "slurm_array.sbatch"
HOUR = 3600


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ForkServer(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def hosts(tmp_path, server):
    with SimulatedHosts(tmp_path, server) as found:
        yield found


def ended(*jobs):
    return [job.wait(300) for job in jobs]


def test_ssh_job_ends_well_if_one_host_ends_the_search(hosts):
    for name in ("one", "two", "three"):
        hosts.host(name)
    job = hosts.submit("ssh.sh", HOSTS="one none")  # ssh does not reach `none`.
    hosts.await_rows(1, [job])
    hosts.kill("one")
    assert ended(job) == [1]
    hosts.check()
    job = hosts.submit("ssh.sh", HOSTS="one none two three")
    hosts.await_rows(2, [job])
    hosts.kill("two")
    hosts.await_rows(4, [job])
    hosts.kill("one")
    assert ended(job) == [0]
    hosts.check_ended()


def test_array_is_killed_and_submitted_again(hosts):
    tasks = [hosts.submit(ARRAY, host) for host in ("one", "two")]
    hosts.await_rows(2, tasks)
    hosts.kill("one", "two")
    assert ended(*tasks) == [KILLED, KILLED]
    hosts.check()
    tasks = [hosts.submit(ARRAY, host) for host in ("one", "two")]
    assert ended(*tasks) == [0, 0]
    hosts.check_ended()


def test_clocks_an_hour_apart_and_a_late_task_change_nothing(hosts):
    clocks = {"one": HOUR, "two": -HOUR}
    tasks = [hosts.submit(ARRAY, host, clock) for host, clock in clocks.items()]
    hosts.await_rows(2, tasks)
    tasks.append(hosts.submit(ARRAY, "late"))
    hosts.await_rows(3, tasks)
    hosts.kill("one")
    assert ended(*tasks) == [KILLED, 0, 0]
    hosts.check_ended()


@pytest.fixture
def small_disk(tmp_path):
    """File system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)]
    if (
        not shutil.which("mount")
        or subprocess.run(command, capture_output=True).returncode
    ):
        pytest.skip("needs the permission to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_full_disk_ends_the_search_and_loses_nothing(small_disk, tmp_path, server):
    with SimulatedHosts(tmp_path / "all", server, small_disk / "search") as hosts:
        others = small_disk / "others"
        fill(others)
        assert ended(*[hosts.submit(ARRAY, host) for host in ("one", "two")]) == [1, 1]
        others.unlink()
        tasks = [hosts.submit(ARRAY, host) for host in ("one", "two")]
        hosts.await_rows(3, tasks)
        fill(others)
        assert ended(*tasks) == [1, 1]
        hosts.check()
        lines = hosts.logs().splitlines()
        errors = [line for line in lines if line.startswith("Error: ")]
        assert len(errors) == 4
        assert all("No space left on the disk" in line for line in errors)
        others.unlink()
        tasks = [hosts.submit(ARRAY, host) for host in ("one", "two")]
        assert ended(*tasks) == [0, 0]
        hosts.check_ended()


def fill(path):
    """Write a file until the disk is full."""
    with path.open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC


def test_two_searches_share_a_database(postgresql, tmp_path, server):
    url = new_database(postgresql, "two_searches")
    with (
        SimulatedHosts(tmp_path / "a", server) as first,
        SimulatedHosts(tmp_path / "b", server) as second,
    ):
        tasks = [
            hosts.submit(ARRAY, host, STORAGE=url)
            for hosts in (first, second)
            for host in ("one", "two")
        ]
        first.await_rows(1, tasks)
        first.kill("one")
        assert ended(*tasks) == [KILLED, 0, 0, 0]
        first.check_ended()
        second.check_ended()


def test_jobs_of_one_machine_resume_each_other(hosts):
    job = hosts.submit("one_gpu.sh")
    hosts.await_beginning([job])
    hosts.kill(None)
    assert ended(job) == [KILLED]
    hosts.check()
    job = hosts.submit("one_machine.sh", CUDA_VISIBLE_DEVICES="0,1")
    assert ended(job) == [0]
    hosts.check_ended()
    logs = {path.stem for path in (hosts.shared / "logs").iterdir()}
    assert logs == {"worker-0", "worker-1"}
