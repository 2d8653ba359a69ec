// Half of a bimetallic strip: gmsh -2 -format msh41 bimetal.geo
L = 0.05; h = 0.001;
Point(1) = {0, 0, 0}; Point(2) = {L, 0, 0}; Point(3) = {L, h, 0}; Point(4) = {0, h, 0}; Point(5) = {L, 2*h, 0}; Point(6) = {0, 2*h, 0};
Line(1) = {1, 2}; Line(2) = {2, 3}; Line(3) = {3, 4}; Line(4) = {4, 1}; Line(5) = {3, 5}; Line(6) = {5, 6}; Line(7) = {6, 4};
Curve Loop(1) = {1, 2, 3, 4}; Plane Surface(1) = {1};
Curve Loop(2) = {-3, 5, 6, 7}; Plane Surface(2) = {2};
Transfinite Curve{1, 3, 6} = 26; Transfinite Curve{2, 4, 5, 7} = 2;
Transfinite Surface{1, 2}; Recombine Surface{1, 2};
Physical Surface("steel") = {1}; Physical Surface("brass") = {2};
Physical Curve("left") = {4, 7}; Physical Curve("right") = {2, 5}; Physical Curve("lower") = {1}; Physical Curve("upper") = {6};
