"""Device numbers survive the kernel's word for them."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puffpy.errors import WireError
from puffpy.wire import decode_rdev, encode_rdev


def test_dev_null_is_the_word_the_kernel_uses() -> None:
    assert encode_rdev(os.makedev(1, 3)) == 0x103
    assert encode_rdev(os.makedev(259, 0x12345)) == 0x12310345


@given(st.integers(0, 0xFFF), st.integers(0, 0xFFFFF))
def test_a_device_number_survives_the_way_and_back(major: int, minor: int) -> None:
    assert decode_rdev(encode_rdev(os.makedev(major, minor))) == os.makedev(major, minor)


@given(st.integers(0, 2**32 - 1))
def test_every_word_of_the_kernel_is_some_device(word: int) -> None:
    assert encode_rdev(decode_rdev(word)) == word


def test_a_device_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(WireError, match=r"device 4096:0 does not fit; the protocol goes to 4095:1048575"):
        encode_rdev(os.makedev(4096, 0))
