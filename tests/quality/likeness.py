"""How a voice came through: for each piece of a recording one line, its PESQ (ITU-T P.862.2, wide band).

    likeness.py SAID.wav HEARD.wav FROM_SECONDS

Both have one channel of 16 bits at 48 kHz. What was said was said over and over, so where a piece belongs is looked for. What
was heard before FROM_SECONDS does not count, nor does a rest that is too short for a piece.
"""

import sys
import wave

import numpy
from pesq import pesq

RATE = 16_000
PIECE = 8 * RATE
# Below half of the rate that is left, and steep enough: P.862.2 listens up to 7 kHz.
CUTOFF = 7_600 / 48_000
TAPS = 255


def read(path):
    with wave.open(path) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 48_000), path
        samples = numpy.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_768
    at = numpy.arange(TAPS) - TAPS // 2
    low_pass = 2 * CUTOFF * numpy.sinc(2 * CUTOFF * at) * numpy.hamming(TAPS)
    return numpy.convolve(samples, low_pass, "same")[::3].astype(numpy.float32)


def as_it_was_said(said, heard):
    """The part of what was said, over and over, that is most like what was heard."""
    over_and_over = numpy.tile(said, 1 + -(-len(heard) // len(said)))
    size = 1 << (len(over_and_over) + len(heard)).bit_length()
    likeness = numpy.fft.irfft(numpy.fft.rfft(over_and_over, size) * numpy.fft.rfft(heard, size).conj())
    begin = int(numpy.argmax(likeness[: len(said)]))
    return over_and_over[begin : begin + len(heard)]


said, heard = read(sys.argv[1]), read(sys.argv[2])
for begin in range(int(float(sys.argv[3]) * RATE), len(heard) - PIECE + 1, PIECE):
    piece = heard[begin : begin + PIECE]
    print(f"{pesq(RATE, as_it_was_said(said, piece), piece, 'wb'):.3f}")
