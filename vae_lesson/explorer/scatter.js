/** Dots, `radius` CSS pixels; `points` is a list of [x, y]. */
export function drawDots(context, map, points, colour, radius, alpha) {
  context.fillStyle = colour;
  context.globalAlpha = alpha;
  for (const [x, y] of points) {
    context.beginPath();
    context.arc(map.x(x), map.y(y), radius, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
}

/** The prior's circles at 1, 2 and 3 standard deviations. */
export function drawPriorCircles(context, map, theme) {
  context.save();
  context.strokeStyle = theme.prior;
  context.lineWidth = 1.25;
  for (const radius of [1, 2, 3]) drawEllipse(context, map, [0, 0], [radius, radius]);
  context.restore();
}

/** The outline of an ellipse with half axes `spread`, both in the units of the axes. */
export function drawEllipse(context, map, [x, y], [spreadX, spreadY]) {
  context.beginPath();
  context.ellipse(map.x(x), map.y(y), spreadX * map.xScale, spreadY * map.yScale, 0, 0, 2 * Math.PI);
  context.stroke();
}

/** One q: ellipses of one and two standard deviations, on a halo of paper. */
export function drawQ(context, map, mean, sigma, theme) {
  context.save();
  for (const [width, colour] of [[4, theme.paper], [2, theme.q]]) {
    Object.assign(context, { lineWidth: width, strokeStyle: colour });
    for (const times of [1, 2]) drawEllipse(context, map, mean, sigma.map((half) => times * half));
  }
  context.restore();
}

const TAG = 9; // radius of a tag, CSS pixels

/** Each group's name in a disc at the median of its points, so that colour is never the only sign. */
export function drawTags(context, map, groups, theme) {
  const places = spread(groups.map(({ points }) => medianPoint(points)).map(([x, y]) => [map.x(x), map.y(y)]));
  groups.forEach(({ name, colour }, i) => drawTag(context, places[i], name, colour, theme));
}

/** Move discs that overlap apart, each pair by the same way. */
export function spread(places, distance = 2 * TAG + 3) {
  const moved = places.map((place) => [...place]);
  for (let round = 0; round < 30; round++) {
    for (let i = 0; i < moved.length; i++) {
      for (let j = 0; j < i; j++) {
        const [dx, dy] = [moved[i][0] - moved[j][0] || 0.01, moved[i][1] - moved[j][1]];
        const push = (distance - Math.hypot(dx, dy)) / (2 * Math.hypot(dx, dy));
        if (push <= 0) continue;
        moved[i] = [moved[i][0] + push * dx, moved[i][1] + push * dy];
        moved[j] = [moved[j][0] - push * dx, moved[j][1] - push * dy];
      }
    }
  }
  return moved;
}

function drawTag(context, [x, y], text, colour, theme) {
  context.save();
  context.font = `600 12px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.beginPath();
  context.arc(x, y, TAG, 0, 2 * Math.PI);
  context.fillStyle = theme.paper;
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.fill();
  context.stroke();
  context.fillStyle = theme.ink;
  context.fillText(text, x, y + 0.5);
  context.restore();
}

/** The median of each coordinate of a list of points. */
export function medianPoint(points) {
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  return [middle(points.map((p) => p[0])), middle(points.map((p) => p[1]))];
}
