"""Writes the damaged meshes of this folder: python3 make.py.

Each is a small sound mesh with one thing wrong. expected.txt says what the reader must answer.
"""
import struct

SQUARE_41 = """$MeshFormat
4.1 0 8
$EndMeshFormat
$PhysicalNames
3
1 1 "left"
1 2 "right"
2 3 "plate"
$EndPhysicalNames
$Entities
0 2 1 0
1 0 0 0 0 1 0 1 1 0
2 1 0 0 1 1 0 1 2 0
1 0 0 0 1 1 0 1 3 0
$EndEntities
$Nodes
1 4 1 4
2 1 0 4
1
2
3
4
0 0 0
1 0 0
1 1 0
0 1 0
$EndNodes
$Elements
3 4 1 4
1 1 1 1
1 4 1
1 2 1 1
2 2 3
2 1 2 2
3 1 2 3
4 1 3 4
$EndElements
"""

SQUARE_22 = """$MeshFormat
2.2 0 8
$EndMeshFormat
$PhysicalNames
3
1 1 "left"
1 2 "right"
2 3 "plate"
$EndPhysicalNames
$Nodes
4
1 0 0 0
2 1 0 0
3 1 1 0
4 0 1 0
$EndNodes
$Elements
4
1 1 2 1 1 4 1
2 1 2 2 2 2 3
3 2 2 3 1 1 2 3
4 2 2 3 1 1 3 4
$EndElements
"""

TETS_22 = """$MeshFormat
2.2 0 8
$EndMeshFormat
$Nodes
5
1 0 0 0
2 1 0 0
3 0 1 0
4 0 0 1
5 1 1 1
$EndNodes
$Elements
2
1 4 2 1 1 1 2 3 4
2 4 2 1 1 2 5 3 4
$EndElements
"""


def edited(text, edits):
    """Lines replaced by number; None drops a line, a text with line ends makes several of one."""
    lines = text.split("\n")
    for number, line in edits.items():
        lines[number - 1] = line
    return "\n".join(line for line in lines if line is not None)


def square_41(edits):
    return edited(SQUARE_41, edits)


def square_22(edits):
    return edited(SQUARE_22, edits)


def elements_22(nodes, elements):
    """A mesh without names; elements: type and nodes."""
    text = "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n%d\n" % len(nodes)
    for i, x in enumerate(nodes):
        text += "%d %s\n" % (i + 1, " ".join(str(c) for c in x))
    text += "$EndNodes\n$Elements\n%d\n" % len(elements)
    for i, (kind, *tags) in enumerate(elements):
        text += "%d %d 2 1 1 %s\n" % (i + 1, kind, " ".join(str(t) for t in tags))
    return text + "$EndElements\n"


CUBE = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]


def binary_41(order="<", n_nodes=4, tag=3, coordinate=0.0, kind=2, last_node=4, claimed=2, one=1):
    head = b"$MeshFormat\n4.1 1 8\n" + struct.pack(order + "i", one) + b"\n$EndMeshFormat\n"
    nodes = struct.pack(order + "4Q", 1, n_nodes, 1, 4)
    nodes += struct.pack(order + "3iQ", 2, 1, 0, n_nodes)
    nodes += struct.pack(order + "4Q", 1, 2, tag, 4)
    nodes += struct.pack(order + "12d", 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, coordinate)
    elements = struct.pack(order + "4Q", 1, 2, 1, 2)
    elements += struct.pack(order + "3iQ", 2, 1, kind, claimed)
    elements += struct.pack(order + "8Q", 1, 1, 2, 3, 2, 1, 3, last_node)
    return (head + b"$Nodes\n" + nodes + b"\n$EndNodes\n$Elements\n" + elements +
            b"\n$EndElements\n")


FILES = {
    # Not a Gmsh mesh, or not one of the versions.
    "empty.msh": "",
    "blank.msh": "\n\n   \n",
    "geo_script.msh": 'SetFactory("OpenCASCADE");\nRectangle(1) = {0, 0, 0, 1, 1};\n',
    "vtk.msh": "# vtk DataFile Version 3.0\nmesh\nASCII\n",
    "hdf5.msh": b"\x89HDF\r\n\x1a\n\0\0\0\0",
    "random_bytes.msh": bytes((i * 73 + 41) % 256 for i in range(300)),
    "version1.msh": "$NOD\n1\n1 0 0 0\n$ENDNOD\n$ELM\n0\n$ENDELM\n",
    "version3.msh": square_22({2: "3 0 8"}),
    "version40.msh": square_41({2: "4.0 0 8"}),
    "version_word.msh": square_41({2: "four 0 8"}),
    "file_type.msh": square_41({2: "4.1 7 8"}),
    "data_size.msh": square_41({2: "4.1 0 4"}),
    "format_only.msh": "$MeshFormat\n4.1 0 8\n$EndMeshFormat\n",
    "format_unfinished.msh": "$MeshFormat\n4.1 0 8\n",
    "two_formats.msh": SQUARE_41 + SQUARE_41,
    # Counts.
    "nodes_fewer.msh": square_22({11: "5"}),
    "nodes_more.msh": square_22({11: "3"}),
    "nodes_absurd.msh": square_41({17: "1 1000000000000000000 1 4", 18: "2 1 0 1000000000000000000"}),
    "nodes_negative.msh": square_22({11: "-4"}),
    "nodes_overflow.msh": square_22({11: "99999999999999999999999"}),
    "node_block_large.msh": square_41({18: "2 1 0 5"}),
    "node_blocks_missing.msh": square_41({17: "1 5 1 5"}),
    "node_blocks_extra.msh": square_41({17: "2 4 1 4"}),
    "elements_fewer.msh": square_22({18: "5"}),
    "elements_more.msh": square_22({18: "3"}),
    "elements_absurd.msh": square_22({18: "4000000000"}),
    "element_block_large.msh": square_41({34: "2 1 2 3"}),
    "names_fewer.msh": square_41({5: "4"}),
    "entities_absurd.msh": square_41({11: "0 2 18446744073709551615 0"}),
    # Numbers and lines.
    "coordinate_word.msh": square_22({13: "2 one 0 0"}),
    "coordinate_missing.msh": square_22({13: "2 1 0"}),
    "coordinate_extra.msh": square_22({13: "2 1 0 0 0"}),
    "coordinate_nan.msh": square_22({13: "2 nan 0 0"}),
    "coordinate_inf.msh": square_41({24: "1 -inf 0"}),
    "coordinate_overflow.msh": square_22({13: "2 1e999 0 0"}),
    "coordinate_huge.msh": square_22({13: "2 1e200 0 0"}),
    "tag_real.msh": square_22({13: "2.5 1 0 0"}),
    "tag_zero.msh": square_22({13: "0 1 0 0"}),
    "tag_absurd.msh": square_41({20: "9223372036854775808"}),
    "node_missing.msh": square_22({21: "3 2 2 3 1 1 2"}),
    "node_extra.msh": square_41({35: "3 1 2 3 4"}),
    "name_unquoted.msh": square_41({6: "1 1 left"}),
    "name_dimension.msh": square_41({6: '4 1 "left"'}),
    "name_twice.msh": square_41({7: '1 1 "right"'}),
    "name_control.msh": square_41({6: '1 1 "le\x07ft"'}),
    "name_made_up.msh": square_41({6: '1 1 "set_2"', 7: '1 9 "right"'}),
    "entity_zero_physical.msh": square_41({12: "1 0 0 0 0 1 0 1 0 0"}),
    "entity_list_long.msh": square_41({12: "1 0 0 0 0 1 0 9 1 0"}),
    "entity_twice.msh": square_41({13: "1 1 0 0 1 1 0 1 2 0"}),
    "entity_unknown.msh": square_41({32: "1 7 1 1"}),
    # Sections.
    "no_nodes.msh": square_22({n: None for n in range(10, 17)}),
    "no_elements.msh": square_22({n: None for n in range(17, 24)}),
    "two_nodes_sections.msh": square_22({17: SQUARE_22[SQUARE_22.index("$Nodes"):SQUARE_22.index("$Elem")] + "$Elements"}),
    "stray_text.msh": square_22({17: "hello\n$Elements"}),
    "end_wrong.msh": square_22({16: "$EndNode"}),
    "open_comment.msh": "$Comments\nnever closed\n" + SQUARE_22,
    "entities_late.msh": SQUARE_41[:SQUARE_41.index("$Entities")] + SQUARE_41[SQUARE_41.index("$Nodes"):]
        + SQUARE_41[SQUARE_41.index("$Entities"):SQUARE_41.index("$Nodes")],
    "parametric_nodes.msh": square_22({10: "$ParametricNodes", 16: "$EndParametricNodes"}),
    "long_line.msh": "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n1\n1 0 0 " + "0" * 3000 + "x\n",
    # Elements.
    "type_unknown.msh": square_22({21: "3 777 2 3 1 1 2 3"}),
    "prisms.msh": elements_22(CUBE, [(6, 1, 2, 4, 5, 6, 8)]),
    "pyramid_and_tet.msh": elements_22(CUBE, [(7, 1, 2, 3, 4, 5), (4, 2, 6, 3, 5)]),
    "serendipity_quads.msh": elements_22(
        [(0, 0, 0), (2, 0, 0), (2, 2, 0), (0, 2, 0), (1, 0, 0), (2, 1, 0), (1, 2, 0), (0, 1, 0)],
        [(16, 1, 2, 3, 4, 5, 6, 7, 8)]),
    "serendipity_hexes.msh": elements_22([(i, i * i, 0) for i in range(20)], [(17, *range(1, 21))]),
    "third_order.msh": elements_22([(i, i * i, 0) for i in range(10)], [(21, *range(1, 11))]),
    "mixed_tri_quad.msh": elements_22(
        CUBE[:4] + [(2, 0, 0)], [(3, 1, 2, 3, 4), (2, 2, 5, 3)]),
    "mixed_orders.msh": elements_22(
        CUBE[:4] + [(0.5, 0, 0), (1, 0.5, 0), (0.5, 0.5, 0)], [(9, 1, 2, 3, 5, 6, 7), (2, 1, 3, 4)]),
    "only_points.msh": elements_22(CUBE, [(15, 1), (15, 2)]),
    "zero_elements.msh": elements_22(CUBE, []),
    "entity_dimension.msh": square_41({34: "1 1 2 2"}),
    "tags_absurd.msh": square_22({21: "3 2 999999999 3 1 1 2 3"}),
    # Cells that make no mesh.
    "dangling_node.msh": square_22({22: "4 2 2 3 1 1 3 99"}),
    "dangling_boundary_node.msh": square_22({19: "1 1 2 1 1 4 99"}),
    "node_twice.msh": square_22({13: "1 1 0 0"}),
    "node_twice_equal.msh": square_22({11: "5", 15: "4 0 1 0\n4 0 1 0"}),
    "collapsed_cell.msh": square_22({22: "4 2 2 3 1 1 3 3"}),
    "duplicate_cell.msh": square_22({22: "4 2 2 3 1 3 1 2"}),
    "two_groups.msh": square_41({14: "1 0 0 0 1 1 0 2 3 4 0"}),
    "name_default.msh": square_41({8: '2 3 "default"', 14: "1 0 0 0 1 1 0 0 0", 34: "2 1 2 2"}),
    "zero_area.msh": square_22({15: "4 0.5 0.5 0"}),
    "inverted.msh": square_22({22: "4 2 2 3 1 1 4 3"}),
    "inverted_tet.msh": edited(TETS_22, {14: "1 4 2 1 1 1 3 2 4"}),
    "folded_quad.msh": elements_22([(0, 0, 0), (1, 0, 0), (0.2, 0.2, 0), (0, 1, 0)], [(3, 1, 2, 3, 4)]),
    "crossed_quad.msh": elements_22(CUBE[:4], [(3, 1, 2, 4, 3)]),
    "surface_in_space.msh": square_22({14: "3 1 1 0.5"}),
    "upright_plane.msh": square_22({14: "3 1 0 1", 15: "4 0 0 1"}),
    "curve_in_plane.msh": elements_22(CUBE, [(1, 1, 2), (1, 2, 3)]),
    "unmatched_facet.msh": square_22({19: "1 1 2 1 1 4 2"}),
    "facet_on_unused_node.msh": square_22({11: "5", 15: "4 0 1 0\n5 0 2 0", 19: "1 1 2 1 1 4 5"}),
    "corner_and_middle.msh": elements_22(
        [(0, 0, 0), (2, 0, 0), (0, 2, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (4, 0, 0), (3, 1, 0),
         (3, 0, 0), (1, -1, 0), (2, -0.5, 0)],
        [(9, 1, 2, 3, 4, 5, 6), (9, 2, 7, 5, 9, 8, 11)]),
    # Binary.
    "binary_byte_order.msh": binary_41(one=77),
    "binary_nodes_absurd.msh": binary_41(n_nodes=10**18),
    "binary_node_twice.msh": binary_41(tag=2),
    "binary_nan.msh": binary_41(coordinate=float("nan")),
    "binary_type.msh": binary_41(kind=1000),
    "binary_dangling.msh": binary_41(last_node=40),
    "binary_count.msh": binary_41(claimed=3),
    "binary_swapped_surface.msh": binary_41(order=">", one=1, coordinate=5.0),
    "binary_cut_in_nodes.msh": binary_41()[:150],
    "binary_cut_in_elements.msh": binary_41()[:330],
    "binary_as_text.msh": binary_41().replace(b"4.1 1 8", b"4.1 0 8"),
    "text_as_binary.msh": square_41({2: "4.1 1 8"}),
}

for name, content in FILES.items():
    with open(name, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
print(len(FILES), "files")
