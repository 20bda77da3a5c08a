-- The funnel's totals are the rows of staging, day by day. Where this fails, rows have
-- arrived for days before the lookback: build with --full-refresh.
{%- set steps = ['impressions', 'clicks', 'page_views', 'purchases'] %}
with
{%- for step in steps %}
{{ step }} as (
    select project_id, interaction_date, '{{ step }}' as step, count(*) as expected
    from {{ ref('stg_' ~ step) }}
    group by project_id, interaction_date
),
{%- endfor %}

expected as (
    {%- for step in steps %}
    select * from {{ step }}{{ ' union all' if not loop.last }}
    {%- endfor %}
),

found as (
    {%- for step in steps %}
    select
        project_id, interaction_date, '{{ step }}' as step, sum({{ step }}) as found
    from {{ ref('funnel') }}
    group by project_id, interaction_date
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    coalesce(e.project_id, f.project_id) as project_id,
    coalesce(e.interaction_date, f.interaction_date) as interaction_date,
    coalesce(e.step, f.step) as step,
    e.expected,
    f.found
from expected as e
full outer join found as f
    on
        e.project_id = f.project_id
        and e.interaction_date = f.interaction_date
        and e.step = f.step
where coalesce(e.expected, 0) <> coalesce(f.found, 0)
