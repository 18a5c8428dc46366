"""Decoding image files takes memory that is reserved, since small files become large images."""

import asyncio
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from pipeline.serving.errors import ServingError
from pipeline.serving.protocols.encoded_images import EncodedImages, decode
from pipeline.serving.service import Service
from pipeline.serving.settings import Limits, Settings

SIDE, BYTES = 28, 28 * 28
VERSION: Any = SimpleNamespace(contract=SimpleNamespace(image_shape=(SIDE, SIDE, 1)))


def files(count: int) -> EncodedImages:
    file = io.BytesIO()
    Image.new("L", (SIDE, SIDE)).save(file, "PNG")
    return EncodedImages([file.getvalue()] * count, "instances")


def test_decoded_images_count_as_memory_of_their_requests() -> None:
    async def run() -> None:
        service = Service(Settings(Path(), limits=Limits(in_flight_bytes=3 * BYTES)))
        first, second = SimpleNamespace(reserved_bytes=10), SimpleNamespace(reserved_bytes=0)
        images = await decode(service, first, files(2), VERSION, service.deadline(60))
        assert images.shape == (2, SIDE, SIDE, 1)
        assert first.reserved_bytes == 10 + 2 * BYTES
        with pytest.raises(ServingError, match="are in memory at a time") as error:
            await decode(service, second, files(2), VERSION, service.deadline(60))
        assert error.value.status == 429
        assert second.reserved_bytes == 0
        service.release_memory(2 * BYTES)
        await decode(service, second, files(3), VERSION, service.deadline(60))

    asyncio.run(run())


def test_more_images_than_a_body_can_have_are_refused() -> None:
    async def run() -> None:
        service = Service(Settings(Path(), limits=Limits(body_bytes=BYTES)))
        request = SimpleNamespace(reserved_bytes=0)
        with pytest.raises(ServingError, match="The decoded images") as error:
            await decode(service, request, files(2), VERSION, service.deadline(60))
        assert error.value.status == 413

    asyncio.run(run())
