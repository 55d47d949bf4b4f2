from hypothesis import given
from hypothesis import strategies as st

from vmfit_agent.byte_cache import ByteCache

ENTRIES = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.binary(max_size=400)))


@given(ENTRIES)
def test_what_is_held_is_bounded_and_true(entries):
    cache, latest = ByteCache(4000), {}
    for key, value in entries:
        cache.put(key, value)
        latest[key] = value
        assert cache.held_bytes() <= 4000
        for each, known in latest.items():
            assert cache.get(each) in (known, None)


def test_what_was_used_last_stays():
    cache = ByteCache(8000)
    for number in range(30):
        cache.put(b"%d" % number, b"x" * 300)
        cache.get(b"0")
    assert cache.get(b"0") is not None
    assert cache.get(b"1") is None
    assert cache.get(b"29") is not None


def test_what_is_too_large_is_not_kept_and_forgets_what_was():
    cache = ByteCache(8000)
    cache.put(b"a", b"small")
    cache.put(b"a", b"x" * 1000)
    assert cache.get(b"a") is None
    assert cache.held_bytes() == 0


def test_clear():
    cache = ByteCache(8000)
    cache.put(b"a", b"small")
    cache.clear()
    assert (cache.get(b"a"), cache.held_bytes()) == (None, 0)
