-- Weights that changed have replaced the old ones. Where this fails, the tap's
-- lookback_days reaches further back than this package's: build with --full-refresh.
with expected as (
    select
        project_id,
        conversion_date,
        source,
        campaign,
        {%- for model in var('attribution_models') %}
        sum(weight_{{ model }}) as weight_{{ model }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_path_touches') }}
    group by project_id, conversion_date, source, campaign
),

found as (
    select
        project_id,
        conversion_date,
        source,
        campaign,
        {%- for model in var('attribution_models') %}
        sum(conversions_{{ model }}) as weight_{{ model }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('channel_attribution') }}
    group by project_id, conversion_date, source, campaign
)

select
    e.project_id as expected_project_id,
    f.project_id as found_project_id,
    coalesce(e.conversion_date, f.conversion_date) as conversion_date
from expected as e
full outer join found as f
    on
        e.project_id = f.project_id
        and e.conversion_date = f.conversion_date
        and e.source = f.source
        and e.campaign = f.campaign
where
    e.project_id is null
    or f.project_id is null
    {%- for model in var('attribution_models') %}
    or abs(e.weight_{{ model }} - f.weight_{{ model }}) > 1e-6
    {%- endfor %}
