"""The store against a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from watchcache.cacher import Entry
from watchcache.cacher.store import Store

keys = st.text(alphabet="ab-/é", min_size=1, max_size=4)
steps = st.lists(st.tuples(keys, st.sampled_from(["", "n1", "n2", None])), max_size=40)


@given(steps, keys, keys, st.integers(0, 5))
def test_the_store_is_a_sorted_dictionary_with_an_index(history, low, high, most) -> None:
    """Whatever is put and removed: get, range, count and index agree with the plain answer."""
    store, model = Store([0]), dict[str, Entry]()
    for number, (key, node) in enumerate(history):
        if node is None:
            assert store.remove(key) == model.pop(key, None)
        else:
            entry = Entry(key, number, b"x" * number, None, (node,))
            assert store.put(entry) == model.get(key)
            model[key] = entry
        store.check()
    ordered = [model[key] for key in sorted(model, key=str.encode)]
    between = [entry for entry in ordered if low <= entry.key < high]
    assert store.range("", "\U0010ffff") == ordered
    assert store.range(low, high) == between
    assert store.range(low, high, most) == between[:most]
    assert store.count(low, high) == len(between)
    assert store.indexed(0, "n1") == [entry for entry in ordered if entry.fields == ("n1",)]
    assert store.indexed(1, "n1") is None


def test_loading_equals_putting() -> None:
    """A loaded store is in order and indexed."""
    store = Store([0])
    store.load(Entry(key, 1, b"v", None, (key,)) for key in "cab")
    store.check()
    assert [entry.key for entry in store.range("a", "z")] == ["a", "b", "c"]
    assert [entry.key for entry in store.indexed(0, "c") or ()] == ["c"]
