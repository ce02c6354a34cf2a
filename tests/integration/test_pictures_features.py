"""What a picture's attributes ask for, one file each (testdata/recipes/pictures.py, presentation.py): the real server's pixels beside
those that numpy works out from the same attributes by PS3.3's formulas, and beside DCMTK's presentation states."""

import io
import subprocess

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels import apply_color_lut

from conftest import require_program

GREY, COLOUR = 1, 2  # levels of difference
PNG = {"Accept": "image/png"}
LINEAR, EXACT, SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"


@pytest.fixture(scope="module")
def pictures(generated_dicom, session_lightbox):
    """All of them in one server; name -> data set."""
    found = {path.stem: path for path in sorted((generated_dicom / "pictures").glob("*.dcm"))}
    assert found
    for path in found.values():
        session_lightbox.store(path.read_bytes())
    return {name: pydicom.dcmread(path) for name, path in found.items()}


def array(answer):
    assert answer.status_code == 200, answer.text
    return np.array(Image.open(io.BytesIO(answer.content))).astype(int)


def path_of(ds):
    return f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


def rendered(server, ds, frame=None):
    return array(server.get(path_of(ds) + (f"/frames/{frame}" if frame else "") + "/rendered", headers=PNG))


def assert_close(picture, expected, allowed=GREY):
    assert picture.shape == expected.shape
    differences = np.abs(picture - expected)
    assert differences.max() <= allowed, f"off by {differences.max()} at {np.argwhere(differences > allowed)[:5].tolist()}"


# ---- PS3.3's formulas

def windowed(values, center, width, function=LINEAR):
    """C.11.2.1.2 and C.11.2.1.3, from 0 to 255."""
    if function == SIGMOID:
        return 255 / (1 + np.exp(-4 * (values - center) / width))
    if function == EXACT:
        return np.clip(((values - center) / width + 0.5) * 255, 0, 255)
    if width == 1:
        return np.where(values <= center - 0.5, 0.0, 255.0)
    return np.clip(((values - (center - 0.5)) / (width - 1) + 0.5) * 255, 0, 255)


def stretched(values, low, high):
    return np.clip((values - low) / (high - low), 0, 1) * 255


def lut_output(item, values):
    """C.11.1.1: below the first mapped value the first entry, beyond the last the last."""
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    data = item.LUTData
    entries = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.array(data)
    return entries[np.clip(values - first, 0, count - 1)].astype(float), bits


def of_bytes(ds):
    """Words as they stand in the file, all of their bits."""
    kind = np.dtype("<i2" if ds.PixelRepresentation else "<u2") if ds.BitsAllocated == 16 else np.dtype("u1")
    frames = int(ds.get("NumberOfFrames", 1))
    count = frames * ds.Rows * ds.Columns
    return np.frombuffer(ds.PixelData, kind, count).astype(int).reshape(frames, ds.Rows, ds.Columns)


def plane(ds, group, number=0):
    rows, columns = ds[group, 0x10].value, ds[group, 0x11].value
    bits = np.unpackbits(np.frombuffer(ds[group, 0x3000].value, np.uint8), bitorder="little")
    return bits[number * rows * columns:(number + 1) * rows * columns].reshape(rows, columns).astype(bool)


def laid_over(picture, bits, origin, value=255):
    """origin: row and column of the first bit, from 1."""
    out = picture.copy()
    for row, column in np.argwhere(bits):
        y, x = row + origin[0] - 1, column + origin[1] - 1
        if 0 <= y < out.shape[0] and 0 <= x < out.shape[1]:
            out[y, x] = value
    return out


# ---- Windows and tables

@pytest.mark.parametrize("name", ["window-linear", "window-linear-exact", "window-linear-narrow", "window-sigmoid"])
def test_a_window_has_its_function(archive, pictures, name):
    ds = pictures[name]
    values = of_bytes(ds)[0] * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
    expected = windowed(values, float(ds.WindowCenter), float(ds.WindowWidth), ds.VOILUTFunction)
    assert_close(rendered(archive, ds), expected)


def test_a_modality_lut_comes_before_the_window(archive, pictures):
    ds = pictures["modality-lut"]
    values, _ = lut_output(ds.ModalityLUTSequence[0], of_bytes(ds)[0])
    assert_close(rendered(archive, ds), windowed(values, float(ds.WindowCenter), float(ds.WindowWidth)))


@pytest.mark.parametrize("name", ["voi-lut", "voi-lut-signed"])
def test_a_voi_lut_is_applied_where_there_is_no_window(archive, pictures, name):
    ds = pictures[name]
    values, bits = lut_output(ds.VOILUTSequence[0], of_bytes(ds)[0])
    assert_close(rendered(archive, ds), values / (2 ** bits - 1) * 255)


# ---- Values

def test_padding_is_black_and_left_out_of_the_range(archive, pictures):
    ds = pictures["padding-range"]
    values = of_bytes(ds)[0]
    is_padding = (values >= ds.PixelPaddingValue) & (values <= ds.PixelPaddingRangeLimit)
    assert is_padding.any() and values[~is_padding].min() < 0
    expected = stretched(values, values[~is_padding].min(), values[~is_padding].max())
    assert_close(rendered(archive, ds), np.where(is_padding, 0, expected))


@pytest.mark.parametrize("name, tag, kind", [("window-of-float", 0x7FE00008, "<f4"), ("window-of-double", 0x7FE00009, "<f8")])
def test_float_pixels_have_windows_of_fractions(archive, pictures, name, tag, kind):
    ds = pictures[name]
    values = np.frombuffer(ds[tag].value, kind).reshape(ds.Rows, ds.Columns)
    assert_close(rendered(archive, ds), windowed(values, float(ds.WindowCenter), float(ds.WindowWidth), EXACT))


def test_partial_ybr_goes_from_16_to_235(archive, pictures):
    ds = pictures["ybr-partial-422"]
    groups = np.frombuffer(ds.PixelData, np.uint8).reshape(ds.Rows, ds.Columns // 2, 4).astype(float)
    luma = groups[..., :2].reshape(ds.Rows, ds.Columns) - 16
    cb, cr = (np.repeat(groups[..., index], 2, axis=1) - 128 for index in (2, 3))
    full, chroma = 255 / 219, 255 / 224
    expected = np.stack([luma * full + 1.402 * chroma * cr, luma * full - 0.344136 * chroma * cb - 0.714136 * chroma * cr,
                         luma * full + 1.772 * chroma * cb], axis=-1)
    assert_close(rendered(archive, ds), np.clip(expected, 0, 255), COLOUR)


def test_pixels_twice_as_wide_as_high_are_drawn_so(archive, pictures):
    ds = pictures["aspect-1-2"]
    picture = rendered(archive, ds)
    assert picture.shape == (ds.Rows, 2 * ds.Columns)
    expected = np.repeat(windowed(of_bytes(ds)[0], 128, 256), 2, axis=1)
    inside = [column for column in range(2 * ds.Columns) if 4 <= column % 16 < 12]  # filters blur the edges of its bars, 16 wide
    assert_close(picture[:, inside], expected[:, inside])


# ---- Palettes

def test_segmented_palettes_are_expanded(archive, pictures):
    ds = pictures["palette-segmented"]
    expected = apply_color_lut(ds.pixel_array, ds) / 257
    assert_close(rendered(archive, ds), expected, COLOUR)


def test_a_supplemental_palette_colours_what_lies_above_its_first_value(archive, pictures):
    ds = pictures["palette-supplemental"]
    values = of_bytes(ds)[0]
    count, first, _ = ds.RedPaletteColorLookupTableDescriptor
    grey = windowed(values, float(ds.WindowCenter), float(ds.WindowWidth))
    colours = [np.frombuffer(ds[f"{name}PaletteColorLookupTableData"].value, "<u2")[np.clip(values - first, 0, count - 1)] / 257
               for name in ("Red", "Green", "Blue")]
    is_coloured = (values >= first)[..., None]
    assert is_coloured.any() and not is_coloured.all()
    assert_close(rendered(archive, ds), np.where(is_coloured, np.stack(colours, -1), grey[..., None]), COLOUR)


# ---- Segmentations: the recommended colours are sRGB's red, green and blue

PRIMARIES = np.eye(3) * 255


def test_each_frame_of_a_binary_segmentation_has_its_segments_colour(archive, pictures):
    ds = pictures["segments-binary"]
    for number, mask in enumerate(ds.pixel_array):
        assert_close(rendered(archive, ds, number + 1), mask[..., None] * PRIMARIES[number], COLOUR)


def test_a_fractional_segmentation_is_as_bright_as_its_parts(archive, pictures):
    ds = pictures["segments-fractional"]
    for number, parts in enumerate(of_bytes(ds)):
        assert_close(rendered(archive, ds, number + 1), (parts / ds.MaximumFractionalValue)[..., None] * PRIMARIES[number], COLOUR)


def test_a_label_map_has_all_colours_in_a_frame(archive, pictures):
    ds = pictures["segments-label-map"]
    assert_close(rendered(archive, ds), np.vstack([np.zeros(3), PRIMARIES])[of_bytes(ds)[0]], COLOUR)


# ---- Overlays

@pytest.mark.parametrize("frame", [1, 2, 3, 4])
def test_overlay_planes_lie_on_the_frames_they_name(archive, pictures, frame):
    ds = pictures["overlays-of-frames"]
    expected = windowed(of_bytes(ds)[frame - 1], float(ds.WindowCenter), float(ds.WindowWidth))
    first = ds[0x6000, 0x51].value
    if first <= frame < first + ds[0x6000, 0x15].value:
        expected = laid_over(expected, plane(ds, 0x6000, frame - first), ds[0x6000, 0x50].value)
    expected = laid_over(expected, plane(ds, 0x6002), ds[0x6002, 0x50].value)
    assert_close(rendered(archive, ds, frame), expected)


def test_overlays_in_unused_bits_are_drawn(archive, pictures):
    ds = pictures["overlays-embedded"]
    words = of_bytes(ds)[0]
    grey = windowed(words & 0xFFF, float(ds.WindowCenter), float(ds.WindowWidth))
    assert_close(rendered(archive, ds), np.where(words & 0x9000, 255, grey))


# ---- Frames of their own

@pytest.mark.parametrize("frame", [1, 2, 3])
def test_each_frame_has_its_own_slope_and_window(archive, pictures, frame):
    ds = pictures["frames-of-their-own"]
    groups = ds.PerFrameFunctionalGroupsSequence[frame - 1]
    change, window = groups.PixelValueTransformationSequence[0], groups.FrameVOILUTSequence[0]
    values = of_bytes(ds)[frame - 1] * float(change.RescaleSlope) + float(change.RescaleIntercept)
    assert_close(rendered(archive, ds, frame), windowed(values, float(window.WindowCenter), float(window.WindowWidth),
                                                        window.VOILUTFunction))


# ---- Presentation states

STATES = ("window", "inverse", "turned-90", "turned-90-flipped", "turned-270-flipped", "turned-180-flipped", "area", "rectangle", "round",
          "bitmap", "overlay", "lut", "all")


def shutter_of(ds):
    """What is shown."""
    rows, columns = np.mgrid[1:21, 1:33]
    shown = np.ones(rows.shape, bool)
    shapes = ds.ShutterShape if isinstance(ds.ShutterShape, pydicom.multival.MultiValue) else [ds.ShutterShape]
    if "RECTANGULAR" in shapes:
        shown &= (columns >= ds.ShutterLeftVerticalEdge) & (columns <= ds.ShutterRightVerticalEdge)
        shown &= (rows >= ds.ShutterUpperHorizontalEdge) & (rows <= ds.ShutterLowerHorizontalEdge)
    if "CIRCULAR" in shapes:
        row, column = ds.CenterOfCircularShutter
        shown &= (rows - row) ** 2 + (columns - column) ** 2 <= ds.RadiusOfCircularShutter ** 2
    if "POLYGONAL" in shapes:  # a rectangle here, of row and column pairs
        corners = np.array(ds.VerticesOfThePolygonalShutter).reshape(-1, 2)
        (top, left), (bottom, right) = corners.min(axis=0), corners.max(axis=0)
        shown &= (rows >= top) & (rows <= bottom) & (columns >= left) & (columns <= right)
    if "BITMAP" in shapes:
        shown &= ~plane(ds, ds.ShutterOverlayGroup)
    return shown


def presented(image, state):
    """PS3.4 N.2: values, shutter, overlays, area, turning (C.10.6: first turned, then flipped)."""
    voi = state.SoftcopyVOILUTSequence[0]
    picture = windowed(of_bytes(image)[0] * float(state.RescaleSlope) + float(state.RescaleIntercept), float(voi.WindowCenter),
                       float(voi.WindowWidth))
    if "PresentationLUTSequence" in state:
        values, bits = lut_output(state.PresentationLUTSequence[0], (picture + 0.5).astype(int))
        picture = values / (2 ** bits - 1) * 255
    if state.get("PresentationLUTShape") == "INVERSE":
        picture = 255 - picture
    if "ShutterShape" in state:
        picture = np.where(shutter_of(state), picture, state.ShutterPresentationValue >> 8)
    if (0x6000, 0x1001) in state:
        picture = laid_over(picture, plane(image, 0x6000), image[0x6000, 0x50].value)
    area = state.DisplayedAreaSelectionSequence[0]
    left, top = area.DisplayedAreaTopLeftHandCorner
    right, bottom = area.DisplayedAreaBottomRightHandCorner
    picture = picture[top - 1:bottom, left - 1:right]
    picture = np.rot90(picture, -state.get("ImageRotation", 0) // 90)
    return picture[:, ::-1] if state.get("ImageHorizontalFlip") == "Y" else picture


def by_wado_uri(server, image, state):
    query = {"requestType": "WADO", "studyUID": image.StudyInstanceUID, "seriesUID": image.SeriesInstanceUID,
             "objectUID": image.SOPInstanceUID, "contentType": "image/png", "presentationSeriesUID": state.SeriesInstanceUID,
             "presentationUID": state.SOPInstanceUID}
    return array(server.get("/wado", params=query))


@pytest.mark.parametrize("name", STATES)
def test_a_presentation_state_is_applied(archive, pictures, name):
    image, state = pictures["presented-image"], pictures[f"state-{name}"]
    expected = presented(image, state)
    allowed = 3 if name == "lut" else GREY  # the table has 256 inputs: the next one is up to two levels off
    assert_close(rendered(archive, state), expected, allowed)
    assert_close(by_wado_uri(archive, image, state), expected, allowed)


def dcmtk_picture(folder, image, state):
    """DCMTK's picture of a state. It turns and flips; shutters, areas and graphics it leaves to viewers."""
    picture = folder / "presented.pgm"
    done = subprocess.run(["dcmp2pgm", "-p", state, image, picture], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0 and picture.exists(), done.stderr.decode(errors="replace")
    return np.array(Image.open(picture)).astype(int)


@pytest.mark.parametrize("name", ["window", "inverse", "turned-90", "turned-90-flipped", "turned-270-flipped", "turned-180-flipped"])
def test_presentation_states_agree_with_dcmtk(archive, pictures, generated_dicom, tmp_path, name):
    require_program("dcmp2pgm")
    folder = generated_dicom / "pictures"
    theirs = dcmtk_picture(tmp_path, folder / "presented-image.dcm", folder / f"state-{name}.dcm")
    assert_close(rendered(archive, pictures[f"state-{name}"]), theirs)


def test_graphics_lie_where_they_say(archive, pictures):
    """Corners of pixels have whole numbers (C.10.5): a line through 2.5 lights pixel 2 alone."""
    plain, drawn = rendered(archive, pictures["state-window"]), rendered(archive, pictures["state-graphics"])
    line = np.zeros(plain.shape, bool)
    line[2:12, 2] = line[12, 2:12] = True
    assert (drawn[line] > 250).all()
    changed = drawn != plain
    near = np.zeros(plain.shape, bool)
    near[1:14, 2] = near[12, 2:14] = True  # the ends, too
    near[1:10, 20:29] = near[10:, 18:] = True  # the circle, the text
    assert not changed[~near].any(), np.argwhere(changed & ~near).tolist()
    assert changed[10:, 18:].any()
    rows, columns = np.mgrid[0:plain.shape[0], 0:plain.shape[1]]
    distance = np.hypot(columns - 24, rows - 5)  # of pixels' middles from the circle's
    assert (drawn[(distance > 2.9) & (distance < 3.1)] > 200).all() and not changed[distance < 1.5].any()
