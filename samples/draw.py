"""Draw the sample pictures: ``python samples/draw.py``."""

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

FOLDER = Path(__file__).parent
Point = tuple[float, float]


def arc(center: Point, radius: Point, start: float, stop: float) -> list[Point]:
    """Return points of an ellipse between two angles in degrees, clockwise from the right."""
    angles = [math.radians(start + (stop - start) * step / 40) for step in range(41)]
    return [
        (center[0] + radius[0] * math.cos(angle), center[1] + radius[1] * math.sin(angle))
        for angle in angles
    ]


# Strokes in a box of 100 x 100.
STROKES: dict[str, list[list[Point]]] = {
    "1": [[(42, 22), (54, 8), (50, 92)]],
    "2": [[*arc((48, 32), (24, 22), 190, 395), (26, 88), (78, 86)]],
    "3": [[*arc((47, 30), (22, 20), 200, 440), *arc((47, 70), (25, 21), 285, 520)]],
    "5": [[(74, 12), (36, 12), (32, 46), *arc((47, 66), (25, 24), 235, 510)]],
    "7": [[(24, 14), (76, 12), (44, 92)]],
}


def write(sheet: Image.Image, digit: str, place: Point, size: float, *, pen: int = 40) -> None:
    """Write a digit with a round pen; ``place`` is its upper left corner."""
    draw, width = ImageDraw.Draw(sheet), round(size / 11)
    radius = (width - 1) / 2
    for stroke in STROKES[digit]:
        points = [(place[0] + x * size / 100, place[1] + y * size / 100) for x, y in stroke]
        draw.line(points, fill=pen, width=width, joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=pen)


def main() -> None:
    """Write each picture beside this file."""
    seven = Image.new("L", (160, 160), 255)
    write(seven, "7", (30, 30), 100, pen=0)
    seven.filter(ImageFilter.GaussianBlur(0.8)).save(FOLDER / "seven.png", optimize=True)

    squared = Image.new("L", (240, 180), 250)
    for place in range(10, 240, 24):
        ImageDraw.Draw(squared).line((place, 0, place, 180), 190)
        ImageDraw.Draw(squared).line((0, place, 240, place), 190)
    write(squared, "3", (120, 40), 110)
    squared.save(FOLDER / "three_on_squared_paper.png", optimize=True)

    shadow = Image.new("L", (320, 240), 235)
    write(shadow, "5", (90, 40), 160, pen=30)
    shade = Image.linear_gradient("L").rotate(90).resize(shadow.size).point(lambda x: 90 + x // 2)
    shadow = Image.composite(shadow, Image.new("L", shadow.size), shade)
    shadow.save(FOLDER / "five_in_shadow.jpg", quality=80)

    number = Image.new("L", (300, 160), 245)
    write(number, "1", (20, 30), 100)
    write(number, "7", (100, 32), 100)
    write(number, "2", (185, 30), 100)
    number.save(FOLDER / "number_172.png", optimize=True)

    Image.new("L", (160, 120), 245).save(FOLDER / "empty_sheet.png", optimize=True)


if __name__ == "__main__":
    main()
