// NAFEMS LE10, thick elliptic plate, curved hexes: gmsh -3 -format msh41 le10.geo
Point(1) = {0, 0, -0.3}; Point(2) = {2, 0, -0.3}; Point(3) = {3.25, 0, -0.3}; Point(4) = {0, 2.75, -0.3}; Point(5) = {0, 1, -0.3};
Line(1) = {2, 3}; Ellipse(2) = {3, 1, 3, 4}; Line(3) = {4, 5}; Ellipse(4) = {5, 1, 2, 2};
Curve Loop(1) = {1, 2, 3, 4}; Plane Surface(1) = {1};
// Smaller towards D = (2, 0, 0.3), where the stress is asked for.
Transfinite Curve{1, -3} = 5 Using Progression 1.4; Transfinite Curve{-2, 4} = 7 Using Progression 1 / 1.2;
Transfinite Surface{1}; Recombine Surface{1};
// The thin layer in the middle carries the support of the edge.
out[] = Extrude {0, 0, 0.6} { Surface{1}; Layers{{2, 1, 2}, {0.48, 0.52, 1}}; Recombine; };
Mesh.ElementOrder = 2; Mesh.SecondOrderIncomplete = 0;
Physical Volume("plate") = {out[1]};
Physical Surface("lower") = {1}; Physical Surface("upper") = {out[0]};
Physical Surface("y0") = {out[2]}; Physical Surface("outer") = {out[3]};
Physical Surface("x0") = {out[4]}; Physical Surface("hole") = {out[5]};
