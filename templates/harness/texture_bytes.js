/**
 * @file What a texture takes, by its format, extent, mip levels, layers and samples. Drivers align and pad, so that it may be
 * more.
 */

/** Bytes of a texel of the formats whose names don't say it. What `depth24plus` takes is the browser's choice: 4 in all. */
const TEXELS = new Map([
  ["rgb9e5ufloat", 4],
  ["rgb10a2unorm", 4],
  ["rgb10a2uint", 4],
  ["rg11b10ufloat", 4],
  ["stencil8", 1],
  ["depth16unorm", 2],
  ["depth24plus", 4],
  ["depth24plus-stencil8", 4],
  ["depth32float", 4],
  ["depth32float-stencil8", 5],
]);

/** Channels of so many bits: `rgba16float`, `bgra8unorm-srgb`. */
const CHANNELS = /^(r|rg|rgba|bgra)(8|16|32)(?:unorm|snorm|uint|sint|float)(?:-srgb)?$/;
/** Blocks of 8 bytes; those of all other compressed formats have 16. */
const SMALL_BLOCKS = /^(?:bc[14]-|etc2-rgb8|eac-r11)/;
/** Blocks of 4 by 4 texels, and those whose names say their extent. */
const BLOCKS = /^(?:bc\d|etc2-|eac-|astc-(\d+)x(\d+)-)/;

/**
 * The blocks of a format, of which a texel is the smallest.
 * @param {string} format
 * @returns { { width: number, height: number, bytes: number } | null} Null where the format is not known.
 */
function blockOf(format) {
  const bytes = TEXELS.get(format);
  if (bytes !== undefined) return { width: 1, height: 1, bytes };
  const channels = CHANNELS.exec(format);
  if (channels) return { width: 1, height: 1, bytes: (channels[1].length * Number(channels[2])) / 8 };
  const block = BLOCKS.exec(format);
  if (!block) return null;
  return { width: Number(block[1] ?? 4), height: Number(block[2] ?? 4), bytes: SMALL_BLOCKS.test(format) ? 8 : 16 };
}

/**
 * The bytes of all levels, layers and samples; null where the format is not known.
 * @param {Pick<GPUTexture, "format" | "width" | "height" | "depthOrArrayLayers" | "mipLevelCount" | "sampleCount" |
 *   "dimension">} texture
 */
export function textureBytes({ format, width, height, depthOrArrayLayers, mipLevelCount, sampleCount, dimension }) {
  const block = blockOf(format);
  if (!block) return null;
  let bytes = 0;
  for (let level = 0; level < mipLevelCount; level += 1) {
    const blocks = Math.ceil(Math.max(1, width >> level) / block.width) * Math.ceil(Math.max(1, height >> level) / block.height);
    // Levels of a volume are less deep as well; layers stay as many.
    const depth = dimension === "3d" ? Math.max(1, depthOrArrayLayers >> level) : depthOrArrayLayers;
    bytes += blocks * depth * block.bytes;
  }
  return bytes * sampleCount;
}
