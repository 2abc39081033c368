"""The store against a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from watchcache.cacher import Entry
from watchcache.cacher.store import Store

keys = st.text(alphabet="ab-/é", min_size=1, max_size=4)
steps = st.lists(st.tuples(keys, st.sampled_from(["", "n1", "n2", None])), max_size=40)


def keys_of(store: Store, word: str) -> list[str]:
    """What the index at position 0 says of a word."""
    answer = store.indexed(0, word)
    assert answer is not None
    assert answer.values == tuple(entry.value for entry in answer.entries)
    return [entry.key for entry in answer.entries]


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
        assert keys_of(store, "n1") == sorted(
            key for key, entry in model.items() if entry.fields == ("n1",)
        )  # what is kept from here to the next change of one of them
        store.check()
    ordered = [model[key] for key in sorted(model, key=str.encode)]
    between = [entry for entry in ordered if low <= entry.key < high]
    assert store.range("", "\U0010ffff") == ordered
    assert store.range(low, high) == between
    assert store.range(low, high, most) == between[:most]
    assert store.count(low, high) == len(between)
    assert keys_of(store, "n1") == [entry.key for entry in ordered if entry.fields == ("n1",)]
    assert store.indexed(1, "n1") is None


def test_loading_equals_putting() -> None:
    """A loaded store is in order and indexed."""
    store = Store([0])
    store.load(Entry(key, 1, b"v", None, (key,)) for key in "cab")
    store.check()
    assert [entry.key for entry in store.range("a", "z")] == ["a", "b", "c"]
    assert keys_of(store, "c") == ["c"]
