import threading

import pytest
from PIL import Image

from processing.pipeline.render import develop, parallel

SIZES = (
    ((4032, 3024), (2560, 1920)),
    ((3000, 2000), (2560, 1707)),
    ((2336, 3504), (1707, 2560)),
    ((4001, 2999), (2560, 1919)),
    ((2720, 2040), (2560, 1920)),
    ((2561, 2561), (2560, 2560)),
    ((2001, 1501), (1600, 1200)),
    ((5000, 2000), (5000, 1000)),
    ((2000, 2560), (1800, 2560)),
    ((1, 20_000), (1, 2560)),
    ((20_000, 1), (2560, 1)),
    ((901, 701), (400, 311)),
)
DIVISIBLE = ((4032, 3024), (2560, 1920))


def picture(mode, size):
    noise = Image.effect_noise((700, 500), 90).resize(size, Image.Resampling.NEAREST)
    return Image.merge(mode, [noise.point(lambda value, k=k: value * (k + 3) % 256) for k in range(len(mode))])


@pytest.fixture
def cpus(monkeypatch):
    """Sets the number of CPUs. Clears the cached number of threads before and after the test."""

    def set_count(number):
        monkeypatch.setattr(parallel.cpus, "available", lambda: number)
        parallel.thread_count.cache_clear()

    yield set_count
    parallel.thread_count.cache_clear()


@pytest.fixture
def many_cores(cpus):
    cpus(8)


CASES = [("RGB", *sides) for sides in SIZES]
CASES += [(mode, *sides) for mode in ("L", "RGBA", "LA", "CMYK") for sides in SIZES[6:8]]


@pytest.mark.parametrize(("mode", "size", "to"), CASES, ids=str)
def test_resizing_in_bands_returns_the_same_pixels_as_resizing_the_whole(mode, size, to):
    image = picture(mode, size)

    resized = [parallel.resized(image, to, count) for count in (1, 2)]

    expected = image.resize(to, parallel.FILTER)
    assert [(output.mode, output.size, output.tobytes()) for output in resized] == [(mode, to, expected.tobytes())] * 2


@pytest.mark.parametrize("count", [1, 2])
def test_resizing_in_bands_keeps_the_info_of_the_picture(count):
    image = picture("RGB", DIVISIBLE[0])
    image.info["icc_profile"] = b"a profile"

    assert parallel.resized(image, DIVISIBLE[1], count).info == {"icc_profile": b"a profile"}


def test_a_cameras_picture_is_divided_into_equal_bands():
    assert parallel._bands(*DIVISIBLE) == [(start, start + 320) for start in range(0, 2560, 320)]


@pytest.mark.parametrize(
    ("size", "to"), [((400, 300), (200, 150)), ((2560, 1920), (2560, 1920)), ((2003, 2000), (1999, 1996))], ids=str
)
def test_a_picture_that_is_small_or_not_divisible_is_not_divided(size, to):
    assert parallel._bands(size, to) == []


def test_two_tasks_run_at_the_same_time(many_cores):
    barrier = threading.Barrier(2, timeout=60)

    def work():
        barrier.wait()  # tasks that ran one after the other would never meet here
        return threading.current_thread()

    with parallel.second_thread() as submit:
        threads = parallel.results([submit(work), submit(work)])

    assert len({*threads, threading.current_thread()}) == 2


def test_tasks_run_immediately_in_the_calling_thread_on_one_core(cpus):
    cpus(1)
    threads = []

    with parallel.second_thread() as submit:
        tasks = [submit(threads.append, threading.current_thread())]

    assert threads == [threading.current_thread()]
    assert parallel.results(tasks) == [None]


@pytest.mark.parametrize("count", [1, 2])
def test_results_are_in_the_order_of_submission(count):
    with parallel.second_thread(count) as submit:
        assert parallel.results([submit(str, number) for number in range(50)]) == [str(number) for number in range(50)]


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_in_the_second_thread_is_raised(count):
    def fail():
        raise MemoryError

    with pytest.raises(MemoryError), parallel.second_thread(count) as submit:
        parallel.results([submit(fail), submit(fail)])


def test_no_thread_is_left_after_a_photo_is_developed(tmp_path, many_cores):
    picture("RGB", (3000, 2000)).save(tmp_path / "photo.jpg")
    threads_before = threading.enumerate()

    develop.develop(tmp_path / "photo.jpg", tmp_path / "out")

    assert threading.enumerate() == threads_before


def test_one_core_and_two_cores_write_the_same_files(tmp_path, cpus):
    picture("RGB", (3000, 2000)).save(tmp_path / "photo.jpg")
    results = []
    for cores in (1, 2):
        cpus(cores)
        assert parallel.thread_count() == cores
        developed = develop.develop(tmp_path / "photo.jpg", tmp_path / "out")
        results.append(
            (developed, [(tmp_path / "out" / f"{edge}.webp").read_bytes() for edge in (2560, 1600, 800, 400)])
        )

    assert results[0] == results[1]
