from kennel.cloud.cloudformation.documentation import PAGE, with_table
from kennel.cloud.cloudformation.resource_types import RESOURCE_TYPES


def test_the_page_has_the_table_as_the_code_has_it() -> None:
    page = PAGE.read_text()
    assert page.count("| `AWS::") == len(RESOURCE_TYPES)
    assert with_table(page) == page
