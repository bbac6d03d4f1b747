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
CUT = ((4032, 3024), (2560, 1920))


def picture(mode, size):
    noise = Image.effect_noise((700, 500), 90).resize(size, Image.Resampling.NEAREST)
    return Image.merge(mode, [noise.point(lambda value, k=k: value * (k + 3) % 256) for k in range(len(mode))])


@pytest.fixture
def cpus(monkeypatch):
    """Sets the number of CPUs, whatever this machine has. Clears the cached number of threads before and after the test."""

    def pretend(number):
        monkeypatch.setattr(parallel.cpus, "available", lambda: number)
        parallel.thread_count.cache_clear()

    yield pretend
    parallel.thread_count.cache_clear()


@pytest.fixture
def many_cores(cpus):
    cpus(8)


CASES = [("RGB", *sides) for sides in SIZES]
CASES += [(mode, *sides) for mode in ("L", "RGBA", "LA", "CMYK") for sides in SIZES[6:8]]


@pytest.mark.parametrize(("mode", "size", "to"), CASES, ids=str)
def test_bands_come_out_as_the_whole_would(mode, size, to):
    image = picture(mode, size)

    made = [parallel.resized(image, to, count) for count in (1, 2)]

    whole = image.resize(to, parallel.FILTER)
    assert [(one.mode, one.size, one.tobytes()) for one in made] == [(mode, to, whole.tobytes())] * 2


@pytest.mark.parametrize("count", [1, 2])
def test_bands_keep_what_the_picture_says_about_itself(count):
    image = picture("RGB", CUT[0])
    image.info["icc_profile"] = b"a profile"

    assert parallel.resized(image, CUT[1], count).info == {"icc_profile": b"a profile"}


def test_a_camera_s_picture_is_cut_into_even_bands():
    assert parallel._bands(*CUT) == [(left, left + 320) for left in range(0, 2560, 320)]


@pytest.mark.parametrize(
    ("size", "to"), [((400, 300), (200, 150)), ((2560, 1920), (2560, 1920)), ((2003, 2000), (1999, 1996))], ids=str
)
def test_what_is_small_or_fits_no_edge_is_not_cut(size, to):
    assert parallel._bands(size, to) == []


def test_two_hands_work_at_the_same_time(many_cores):
    both = threading.Barrier(2, timeout=60)

    def work():
        both.wait()  # one after the other would never come together here
        return threading.current_thread()

    with parallel.second_thread() as give:
        threads = parallel.results([give(work), give(work)])

    assert len({*threads, threading.current_thread()}) == 2


def test_one_core_does_its_work_itself_and_at_once(cpus):
    cpus(1)
    done = []

    with parallel.second_thread() as give:
        given = [give(done.append, threading.current_thread())]

    assert done == [threading.current_thread()]
    assert parallel.results(given) == [None]


@pytest.mark.parametrize("count", [1, 2])
def test_what_comes_out_has_the_order_of_what_was_given(count):
    with parallel.second_thread(count) as give:
        assert parallel.results([give(str, number) for number in range(50)]) == [str(number) for number in range(50)]


@pytest.mark.parametrize("count", [1, 2])
def test_what_goes_wrong_in_a_helper_is_told(count):
    def fail():
        raise MemoryError

    with pytest.raises(MemoryError), parallel.second_thread(count) as give:
        parallel.results([give(fail), give(fail)])


def test_no_thread_outlives_a_photo(tmp_path, many_cores):
    picture("RGB", (3000, 2000)).save(tmp_path / "photo.jpg")
    before = threading.enumerate()

    develop.develop(tmp_path / "photo.jpg", tmp_path / "out")

    assert threading.enumerate() == before


def test_one_core_and_two_write_the_same_files(tmp_path, cpus):
    picture("RGB", (3000, 2000)).save(tmp_path / "photo.jpg")
    made = []
    for cores in (1, 2):
        cpus(cores)
        assert parallel.thread_count() == cores
        shown = develop.develop(tmp_path / "photo.jpg", tmp_path / "out")
        made.append((shown, [(tmp_path / "out" / f"{edge}.webp").read_bytes() for edge in (2560, 1600, 800, 400)]))

    assert made[0] == made[1]
