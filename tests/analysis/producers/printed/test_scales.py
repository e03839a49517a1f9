from written_tables import NAMES, example, read_text


def test_whether_estimates_are_odds_ratios_is_found_by_what_stands_beside_them(tmp_path):
    shown = example(5)
    for quantities, ratio in ((("coefficient", "low", "high"), False), (("odds ratio",), True)):
        rows = ["term,estimate,conf.low,conf.high"]
        for name in NAMES[1:]:
            prefix = "odds ratio " if ratio else ""
            numbers = [quantities[0], f"{prefix}low", f"{prefix}high"]
            rows.append(",".join([name, *(shown.cells[name, what] for what in numbers)]))
        fit = read_text(tmp_path, "\n".join(rows))
        assert any(each.quantity == "odds ratio" for each in fit.stated) is ratio
        assert any(each.quantity == "odds ratio low" for each in fit.stated) is ratio
    # with both columns, an interval is about one of the two
    rows = ["term,coef,odds ratio,lower 95%,upper 95%"]
    for name in NAMES:
        numbers = ("coefficient", "odds ratio", "odds ratio low", "odds ratio high")
        rows.append(",".join([name, *(shown.cells[name, what] for what in numbers)]))
    fit = read_text(tmp_path, "\n".join(rows))
    assert {each.quantity for each in fit.stated} == {
        "odds ratio", "odds ratio low", "odds ratio high",
    }  # fmt: skip


def test_whose_a_standard_error_beside_odds_ratios_is_is_left_to_the_data(tmp_path):
    # odds ratios so near to 1, to so few digits, do not tell; nor does a z that is wrong
    for z in ("0.42", "0.50"):
        fit = read_text(tmp_path, f"term,odds ratio,std err,z\nx,1.10,0.24,{z}\n")
        assert [each.quantity for each in fit.stated] == ["odds ratio", "odds ratio SE", "z"]
