// The interval from -1 to 2, two materials, both ends named.
Point(1) = {-1, 0, 0, 0.5};
Point(2) = {0, 0, 0, 0.5};
Point(3) = {2, 0, 0, 0.5};
Line(1) = {1, 2};
Line(2) = {2, 3};
Physical Curve("copper", 1) = {1};
Physical Curve("steel", 2) = {2};
Physical Point("left", 1) = {1};
Physical Point("right", 2) = {3};
